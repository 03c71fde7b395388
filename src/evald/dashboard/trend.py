"""How a run's pass rate stands among those of the runs of its eval that completed before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from evald.dashboard.bars import Counts
from evald.dashboard.figures import percent
from evald.dashboard.progress import PassRate, pass_rate
from evald.dashboard.texts import clip
from evald.rules.statistics import Difference, difference_interval
from evald.store.earlier_runs import EarlierRun

WIDTH: Final = 200.0
HEIGHT: Final = 56.0

_MARGIN = 7.0
_SMALLEST_SPAN = 0.1
"""Shares that the height stands for at least, so that a point or two do not look like a leap."""
_NAME_LIMIT = 60


@dataclass(frozen=True)
class Point:
    """A pass rate in the units of the picture."""

    x: float
    y: float


@dataclass(frozen=True)
class Trend:
    """A line of pass rates that ends with this run's, and what changed since the run before it.

    `top` and `bottom` are the ends of this run's 95 % interval.
    """

    points: tuple[Point, ...]
    top: float
    bottom: float
    words: str
    previous_id: str
    previous_name: str
    change: Difference

    @property
    def this(self) -> Point:
        """Give the point of this run."""
        return self.points[-1]

    @property
    def line(self) -> str:
        """Give the points as an SVG polyline takes them."""
        return " ".join(f"{point.x:g},{point.y:g}" for point in self.points)


def trend_of(rate: PassRate | None, earlier: Sequence[EarlierRun]) -> Trend | None:
    """Give the trend up to this run's rate, or None without one or without an earlier one.

    `earlier` has the oldest run first. Those without a verdict have no pass rate, and no place in it.
    """
    known = [(run, before) for run in earlier if (before := _rate_of(run))]
    if rate is None or not known:
        return None
    previous, before = known[-1]
    shares = [each.share for _, each in known] + [rate.share]
    low, high = _span([*shares, rate.interval.low, rate.interval.high])
    return Trend(
        points=tuple(
            Point(_x(place, len(shares)), _y(share, low, high))
            for place, share in enumerate(shares)
        ),
        top=_y(rate.interval.high, low, high),
        bottom=_y(rate.interval.low, low, high),
        words=_words(shares),
        previous_id=previous.id,
        previous_name=clip(previous.name.strip() or previous.id, _NAME_LIMIT).shown,
        change=difference_interval(rate.passed, rate.judged, before.passed, before.judged),
    )


def _rate_of(run: EarlierRun) -> PassRate | None:
    return pass_rate(Counts(run.counts.passed, run.counts.failed, run.counts.errored))


def _span(shares: Sequence[float]) -> tuple[float, float]:
    """Give the shares at the bottom and at the top of the picture."""
    low, high = min(shares), max(shares)
    missing = max(0.0, _SMALLEST_SPAN - (high - low))
    low = max(0.0, low - missing / 2)
    return low, max(high, low + _SMALLEST_SPAN)


def _x(place: int, number: int) -> float:
    return round(_MARGIN + place * (WIDTH - 2 * _MARGIN) / (number - 1), 1)


def _y(share: float, low: float, high: float) -> float:
    return round(HEIGHT - _MARGIN - (share - low) / (high - low) * (HEIGHT - 2 * _MARGIN), 1)


def _words(shares: Sequence[float]) -> str:
    *earlier, this = [f"{percent(share)} %" for share in shares]
    runs = (
        "the run before" if len(earlier) == 1 else f"the {len(earlier)} runs before, oldest first"
    )
    return f"Pass rates of {runs}: {', '.join(earlier)}; of this run: {this}"
