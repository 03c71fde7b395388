"""Histograms of scores: so many bars, those below the threshold of a criterion apart from the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from evald.dashboard.figures import exact, number, score
from evald.rules.bins import Bins

WIDTH: Final = 120.0
HEIGHT: Final = 32.0
MOST_BARS: Final = 20

_SMALLEST = 1.5
"""A bar that is not empty is at least this high."""
_GAP = 1.0

Side = Literal["fail", "pass", "run"]


@dataclass(frozen=True)
class Column:
    """One bar: where it stands, how high it is, and on which side of the threshold.

    `run` is the side of a criterion that has no threshold.
    """

    x: float
    y: float
    width: float
    height: float
    side: Side


@dataclass(frozen=True)
class Histogram:
    """The scores of a criterion over all items that have one."""

    columns: tuple[Column, ...]
    mean: float
    words: str


def histogram_of(scores: Bins, threshold: float | None) -> Histogram | None:
    """Give the histogram of these scores, or None where there are none.

    The scale is from 0 to 1, and wider where scores are. A bar ends at the threshold, so none stands for
    scores of both sides.
    """
    known, mean = scores.counts, scores.mean
    if mean is None:
        return None
    low, high = min(0.0, known[0][0]), max(1.0, known[-1][0])
    edges = _edges(low, high, threshold)
    return Histogram(
        columns=tuple(_columns(known, edges, threshold)),
        mean=mean,
        words=_words(scores, mean, threshold),
    )


def _edges(low: float, high: float, threshold: float | None) -> list[float]:
    """Give the edges of the bars, evenly on each side of the threshold."""
    if threshold is None or not low < threshold < high:
        return [low + (high - low) * place / MOST_BARS for place in range(MOST_BARS + 1)]
    left = min(MOST_BARS - 1, max(1, round(MOST_BARS * (threshold - low) / (high - low))))
    right = MOST_BARS - left
    below = [low + (threshold - low) * place / left for place in range(left)]
    return below + [threshold + (high - threshold) * place / right for place in range(right + 1)]


def _columns(
    known: Sequence[tuple[float, int]], edges: Sequence[float], threshold: float | None
) -> list[Column]:
    sums = [0] * (len(edges) - 1)
    for value, count in known:
        fitting = (place for place in range(len(sums)) if value < edges[place + 1])
        sums[next(fitting, len(sums) - 1)] += count
    low, scale = edges[0], WIDTH / (edges[-1] - edges[0])
    highest = max(sums)
    columns = []
    for place, count in enumerate(sums):
        if count:
            height = max(_SMALLEST, HEIGHT * count / highest)
            x, width = (edges[place] - low) * scale, (edges[place + 1] - edges[place]) * scale
            columns.append(
                Column(
                    x=round(x, 1),
                    y=round(HEIGHT - height, 1),
                    width=round(max(_SMALLEST, width - _GAP), 1),
                    height=round(height, 1),
                    side=_side(edges[place], threshold),
                )
            )
    return columns


def _side(start: float, threshold: float | None) -> Side:
    if threshold is None:
        return "run"
    return "pass" if start >= threshold else "fail"


def _words(scores: Bins, mean: float, threshold: float | None) -> str:
    lowest, highest = scores.counts[0][0], scores.counts[-1][0]
    said = f"{number(scores.total)} scores from {score(lowest)} to {score(highest)}, mean {score(mean)}"
    if threshold is None:
        return said
    return (
        f"{said}; about {number(scores.between(threshold, None))} at {exact(threshold)} or higher"
    )
