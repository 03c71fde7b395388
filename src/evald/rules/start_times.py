"""When requests begin, so that a provider's `requests_per_minute` holds.

Virtual scheduling (the generic cell rate algorithm of ITU-T I.371): each request has a start time, and
start times are one interval apart. A request may begin later than its start time, but only so much. So
in any `w` seconds at most `(w + lateness) / interval + 1` begin.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

BLOCK: Final = 0.5
"""Seconds for which a process takes start times at once, where several processes share them."""
ROUNDING: Final = 1e-6
"""Seconds by which sums of intervals may be off."""
NEAR: Final = 0.25
"""Seconds before the last start time of a process at which it takes more."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast requests follow each other. All times in seconds."""

    interval: float
    """Between two start times."""

    @staticmethod
    def of(requests_per_minute: float) -> "Pace":
        """Give the pace that makes so many requests in a minute."""
        return Pace(60 / requests_per_minute)

    @property
    def saved_up(self) -> float:
        """How far in the past a start time may be, after a pause: one second's worth begins at once."""
        return max(0.0, 1.0 - self.interval)

    @property
    def lateness(self) -> float:
        """How much later than its start time a request may begin that got it out of the database.

        At least what a process may be busy for a moment; two never begin at once by that alone.
        """
        return max(self.saved_up, 0.5)

    @property
    def catch_up(self) -> float:
        """How far in the past the first start time out of the database may be.

        The rest of the lateness is for the way to the process.
        """
        return self.saved_up / 2

    def block(self, wanted: int) -> int:
        """Give how many start times a process takes at once for so many requests that wait."""
        return min(wanted, max(1, math.ceil(BLOCK / self.interval)))

    def times(self, first: float, number: int) -> Iterator[float]:
        """Give so many start times from the first one on."""
        return (first + position * self.interval for position in range(number))


class OwnStartTimes:
    """The start times of a process that shares them with nobody."""

    def __init__(self, pace: Pace) -> None:
        """Begin as after a pause."""
        self._pace = pace
        self._next = -math.inf

    def take(self, now: float) -> float:
        """Take the start time that has come and give 0, or give the seconds until it comes."""
        start = max(self._next, now - self._pace.saved_up)
        if start > now + ROUNDING:
            return start - now
        self._next = start + self._pace.interval
        return 0.0

    def count_another(self) -> None:
        """Take the next start time, without waiting for it."""
        self._next += self._pace.interval
