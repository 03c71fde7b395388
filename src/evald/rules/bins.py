"""Numbers counted by their first two digits: however many they are, in some hundred counts."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

SMALLEST: Final = 1e-9
"""What is nearer to 0 counts as 0, so that there are only so many bins."""
LARGEST: Final = 1e15
"""What is further from 0 counts as this."""


def bin_of(value: float) -> float:
    """Give a number rounded to two significant digits: 1,234 is 1,200."""
    if abs(value) < SMALLEST:
        return 0.0
    return float(f"{max(-LARGEST, min(LARGEST, value)):.1e}")


@dataclass(frozen=True, slots=True)
class Bins:
    """How often each rounded number occurs, the smallest first."""

    counts: tuple[tuple[float, int], ...] = ()

    @property
    def total(self) -> int:
        """How many numbers were counted."""
        return sum(count for _, count in self.counts)

    @property
    def mean(self) -> float | None:
        """The mean, or None of no numbers."""
        total = self.total
        return sum(value * count for value, count in self.counts) / total if total else None

    def quantile(self, share: float) -> float | None:
        """Give the number that a share of all, from 0 to 1, do not exceed; None of no numbers."""
        wanted = share * self.total
        reached = accumulate(count for _, count in self.counts)
        for (value, _), number in zip(self.counts, reached, strict=True):
            if number >= wanted:
                return value
        return None

    def between(self, low: float | None, high: float | None) -> int:
        """Give how many lie between two limits at most; None is no limit."""
        return sum(
            count
            for value, count in self.counts
            if (low is None or value >= bin_of(low)) and (high is None or value <= bin_of(high))
        )


def bins_of(values: Iterable[float]) -> Bins:
    """Count some numbers."""
    counts: dict[float, int] = {}
    for value in values:
        rounded = bin_of(value)
        counts[rounded] = counts.get(rounded, 0) + 1
    return Bins(tuple(sorted(counts.items())))
