"""Scores of the same rows in two runs: by how much the mean went up, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, sqrt
from random import Random
from typing import Final, Literal

from evald.rules.statistics import Z_95, Interval

Method = Literal["bootstrap", "bootstrap_limit"]

FEWEST_ROWS: Final = 10
"""With fewer rows a resample shows little but the rows themselves: no interval is given."""
MOST_RESAMPLED: Final = 2_000
"""With more rows the interval is what resampling comes to without end, computed at once."""
RESAMPLES: Final = 1_999
_TAIL: Final = 50
"""(RESAMPLES + 1) * 2.5 %: the place of the lower bound among the sorted means, counted from 1."""
_SEED: Final = 20_261_130


@dataclass(frozen=True, slots=True)
class MeanDifference:
    """By how much the second run's mean score is above the first's, over the rows that have both."""

    rows: int
    value: float
    interval: Interval | None
    """The 95 % interval, or None where there are too few rows for one."""
    method: Method | None
    """How the interval was found."""


def mean_difference(differences: Sequence[float]) -> MeanDifference | None:
    """Give the mean of paired differences with its 95 % percentile bootstrap interval.

    A difference is the second run's score less the first's; None without one.
    Up to MOST_RESAMPLED rows, rows are drawn again with replacement RESAMPLES times, always by the same
    random numbers and from sorted values, so that the same scores always give the same interval. With
    more rows the mean of a resample is close to normal, and its 2.5 % and 97.5 % points are computed
    from mean, variance and skewness of the differences (the Cornish-Fisher expansion): what is left out
    is of the order of 1 / rows of the interval's width.

    Sources: B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13;
    P. Hall, "The Bootstrap and Edgeworth Expansion", 1992, section 3.
    """
    rows = len(differences)
    if rows == 0:
        return None
    mean = fsum(differences) / rows
    if rows < FEWEST_ROWS:
        return MeanDifference(rows, mean, None, None)
    if rows <= MOST_RESAMPLED:
        return MeanDifference(rows, mean, _resampled(sorted(differences)), "bootstrap")
    return MeanDifference(rows, mean, _limit(differences, mean), "bootstrap_limit")


def _resampled(differences: list[float]) -> Interval:
    rows, draw = len(differences), Random(_SEED).choices
    means = sorted(fsum(draw(differences, k=rows)) / rows for _ in range(RESAMPLES))
    return Interval(means[_TAIL - 1], means[-_TAIL])


def _limit(differences: Sequence[float], mean: float) -> Interval:
    rows = len(differences)
    variance = fsum((each - mean) ** 2 for each in differences) / rows
    if variance == 0:
        return Interval(mean, mean)
    deviation = sqrt(variance)
    skewness = fsum(((each - mean) / deviation) ** 3 for each in differences) / rows
    error = deviation / sqrt(rows)
    shift = error * skewness * (Z_95**2 - 1) / (6 * sqrt(rows))
    return Interval(mean - Z_95 * error + shift, mean + Z_95 * error + shift)
