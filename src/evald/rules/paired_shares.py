"""Pass and fail of the same rows in two runs, and how sure it is that one of them passes more.

Only rows that both runs judged count, and of those only the ones that differ say which run is better.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, lgamma, log, sqrt
from typing import Final

from evald.rules.statistics import Z_95, Interval

Z_80: Final = 0.8416212335729143
"""The 80 % point of the standard normal distribution."""

_HALVINGS: Final = 60


@dataclass(frozen=True, slots=True)
class Pairs:
    """How many rows went which way from the first run to the second, of those that both judged."""

    both_passed: int = 0
    regressed: int = 0
    """Passed in the first run and failed in the second."""
    fixed: int = 0
    """Failed in the first run and passed in the second."""
    both_failed: int = 0

    @property
    def judged(self) -> int:
        """Give the number of rows that both runs judged."""
        return self.both_passed + self.both_failed + self.differing

    @property
    def differing(self) -> int:
        """Give the number of rows that one run passed and the other failed."""
        return self.regressed + self.fixed

    @property
    def difference(self) -> float:
        """Give the share that the second run passes more, from -1 to 1. There has to be a row."""
        return (self.fixed - self.regressed) / self.judged


def mcnemar(pairs: Pairs) -> float:
    """Give the two-sided mid-p value of McNemar's test: 1 when no row differs.

    If both runs were equally good, each row that differs would be a toss of a coin. The value is the
    probability of a split at least as uneven as this one, the split itself counted half. It is the exact
    binomial sum, for any number of rows.

    Source: M. W. Fagerland, S. Lydersen and P. Laake, "The McNemar test for binary matched-pairs data:
    mid-p and asymptotic are better than exact conditional", BMC Medical Research Methodology 13 (91),
    2013.
    """
    n, smaller = pairs.differing, min(pairs.regressed, pairs.fixed)
    if 2 * smaller == n:
        return 1.0
    term = exp(lgamma(n + 1) - lgamma(smaller + 1) - lgamma(n - smaller + 1) - n * log(2))
    sum_of_terms = term / 2
    for k in range(smaller, 0, -1):
        term *= k / (n - k + 1)
        sum_of_terms += term
        if term < sum_of_terms * 1e-17:
            break
    return min(1.0, 2 * sum_of_terms)


def paired_interval(pairs: Pairs) -> Interval:
    """Give the 95 % score interval of `difference`; -1 to 1 when no row was judged by both.

    Its bounds are the differences that a score test just does not reject. At a difference of 0 that test
    is McNemar's, so the interval and the test say the same but for rows so few that they hardly say
    anything.

    Source: T. Tango, "Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design", Statistics in Medicine 17, 1998, pages 891-908.
    """
    if pairs.judged == 0:
        return Interval(-1.0, 1.0)
    measured = pairs.difference
    return Interval(
        -1.0 if measured == -1 else _bound(pairs, -1.0, measured),
        1.0 if measured == 1 else _bound(pairs, 1.0, measured),
    )


def detectable_difference(pairs: Pairs) -> float:
    """Give the difference that the test would find in four of five cases, if as many rows differed.

    There have to be rows that differ.
    Source: R. J. Connor, "Sample size for testing differences in proportions for the paired-sample
    design", Biometrics 43 (1), 1987, pages 207-211, with the variance under equality for both terms.
    """
    return (Z_95 + Z_80) * sqrt(pairs.differing) / pairs.judged


def adjusted(p_values: Sequence[float]) -> list[float]:
    """Give p values as they count when several tests are looked at together, in the same order.

    Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6 (2), 1979, pages 65-70.
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    found, reached = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        reached = max(reached, min(1.0, (len(p_values) - rank) * p_values[place]))
        found[place] = reached
    return found


def _bound(pairs: Pairs, outside: float, inside: float) -> float:
    """Give the difference between these two at which the score is just as large as is likely."""
    for _ in range(_HALVINGS):
        middle = (outside + inside) / 2
        if abs(_score(pairs, middle)) > Z_95:
            outside = middle
        else:
            inside = middle
    return (outside + inside) / 2


def _score(pairs: Pairs, difference: float) -> float:
    """Give by how many standard deviations what was seen is off if this is the true difference."""
    n, fixed, regressed = pairs.judged, pairs.fixed, pairs.regressed
    # The most likely share of regressed rows under that difference solves a quadratic equation.
    linear = difference * (2 * n - fixed + regressed) - pairs.differing
    constant = regressed * difference * (1 - difference)
    share = (sqrt(max(0.0, linear**2 + 8 * n * constant)) - linear) / (4 * n)
    variance = n * (2 * share + difference * (1 - difference))
    off = fixed - regressed - n * difference
    return off / sqrt(variance) if variance > 0 else (0.0 if off == 0 else float("inf"))
