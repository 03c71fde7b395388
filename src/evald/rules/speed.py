"""How fast a run goes and when it will be done, told from looks at it; and when to look again."""

from dataclasses import dataclass
from typing import Final

LOOK_EVERY: Final = 0.5
"""Seconds between two looks at a run, at the least: what is shown changes at most twice a second."""
LOOKS_A_SECOND: Final = 100
"""How often all runs together are looked at, at the most: with more than 50, each less often."""
RECENT: Final = 10.0
"""Seconds of which the speed is told."""
TOO_SHORT: Final = 2.0
"""Seconds from which no speed can be told."""


@dataclass(frozen=True, slots=True)
class Look:
    """A look at a run: when, by a clock that never goes back, and how many rows were done then."""

    at: float
    done: int


Looks = tuple[Look, ...]
"""The looks at one run that its speed is told from, the oldest first."""


def pause_between_looks(watched: int) -> float:
    """Give the seconds from one look at a run to the next where so many runs are watched."""
    return max(LOOK_EVERY, watched / LOOKS_A_SECOND)


def with_another(looks: Looks, latest: Look) -> Looks:
    """Give the looks with one more, and without those that are too old.

    A run that has fewer rows done than before redoes some; what was seen of it tells nothing then.
    """
    if looks and latest.done < looks[-1].done:
        return (latest,)
    return (*(look for look in looks if look.at >= latest.at - RECENT), latest)


def recent_speed(looks: Looks) -> float | None:
    """Give the items per second of the last seconds, or None where too little was seen of them."""
    if len(looks) < 2:
        return None
    oldest, latest = looks[0], looks[-1]
    seconds = latest.at - oldest.at
    done = latest.done - oldest.done
    return done / seconds if done and seconds >= TOO_SHORT else None


def average_speed(done: int, seconds: float | None) -> float | None:
    """Give the items per second of all the time that a run went on, or None before the first."""
    return done / seconds if done and seconds else None


def seconds_left(rows: int | None, done: int, speed: float | None) -> float | None:
    """Give how long the other rows take at this speed, or None where that is not known."""
    return (rows - done) / speed if rows and speed else None
