"""Differences with their intervals, as places on a scale around zero that an SVG can draw."""

from dataclasses import dataclass
from typing import Literal

from evald.rules.statistics import Interval

WIDTH = 200.0
"""The width of a scale in its own units. Zero is in the middle."""

Side = Literal["pass", "fail", "run"]

_STEPS = (1.0, 2.0, 5.0)


@dataclass(frozen=True)
class Bar:
    """An interval and the value within it."""

    start: float
    width: float
    value: float
    side: Side
    """`pass`: all above zero, `fail`: all below, `run`: it holds zero."""


@dataclass(frozen=True)
class Scale:
    """A scale from -`reach` to `reach`."""

    reach: float

    def bar(self, value: float, interval: Interval) -> Bar:
        """Give the place of an interval; it is at least wide enough to be seen."""
        start, end = self._place(interval.low), self._place(interval.high)
        side: Side = "pass" if interval.low > 0 else "fail" if interval.high < 0 else "run"
        return Bar(
            round(start, 1), round(max(end - start, 2.0), 1), round(self._place(value), 1), side
        )

    def _place(self, value: float) -> float:
        within = max(-self.reach, min(self.reach, value))
        return WIDTH * (0.5 + within / (2 * self.reach))


def scale_for(intervals: list[Interval]) -> Scale:
    """Give a scale with a round end on which all these intervals fit."""
    largest = max((max(abs(each.low), abs(each.high)) for each in intervals), default=0.0)
    if largest <= 0:
        return Scale(1.0)
    power = 1.0
    while power >= largest:
        power /= 10
    while power * 10 < largest:
        power *= 10
    return Scale(next(step * power for step in (*_STEPS, 10.0) if step * power >= largest))
