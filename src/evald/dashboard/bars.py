"""Bars of passed, failed and errored items, as widths that an SVG can draw."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["pass", "fail", "error"]

BAR_WIDTH = 1000.0
"""The width of every bar in its own units; the page stretches it."""

_SMALLEST = 3.0
"""A part that is not empty is at least this wide, so that one error in 100,000 can be seen."""


@dataclass(frozen=True)
class Counts:
    """How many items passed, failed and errored."""

    passed: int = 0
    failed: int = 0
    errored: int = 0

    @property
    def done(self) -> int:
        """Give the number of items that have a verdict or an error."""
        return self.passed + self.failed + self.errored


@dataclass(frozen=True)
class Segment:
    """One part of a bar: where it starts and how wide it is."""

    kind: Kind
    start: float
    width: float


def segments(counts: Counts, total: int) -> tuple[Segment, ...]:
    """Give the parts of a bar that stands for `total` items; they never reach beyond its end."""
    parts: list[tuple[Kind, int]] = [
        ("pass", counts.passed),
        ("fail", counts.failed),
        ("error", counts.errored),
    ]
    whole = max(total, counts.done, 1)
    widths = [_width(count, whole) for _, count in parts]
    if (excess := sum(widths) - BAR_WIDTH) > 0:
        widths[widths.index(max(widths))] -= excess
    return tuple(
        Segment(kind, round(sum(widths[:place]), 1), round(widths[place], 1))
        for place, (kind, count) in enumerate(parts)
        if count
    )


def _width(count: int, whole: int) -> float:
    return max(_SMALLEST, BAR_WIDTH * count / whole) if count else 0.0
