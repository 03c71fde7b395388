"""Every legal move of a run's status, in one table.

The store applies a move as a single `UPDATE … WHERE status IN (…)`, so that two requests at the same
moment cannot both win. `completed`, `failed` and `canceled` are final: no row starts from them.
"""

from typing import Final, Literal

from evald.contract.runs import STATUSES, Status

Event = Literal["start", "complete", "fail", "cancel"]

NEXT: Final[dict[tuple[Status, Event], Status]] = {
    ("queued", "start"): "in_progress",
    ("queued", "fail"): "failed",
    ("queued", "cancel"): "canceled",
    ("in_progress", "complete"): "completed",
    ("in_progress", "fail"): "failed",
    ("in_progress", "cancel"): "canceled",
}

FINAL: Final[frozenset[Status]] = frozenset(STATUSES) - {status for status, _ in NEXT}


def is_final(status: Status) -> bool:
    """Say whether a run of this status never changes again."""
    return status in FINAL


def sources(event: Event) -> tuple[Status, ...]:
    """Give the statuses that this event may move away from."""
    return tuple(status for status, known in NEXT if known == event)


def target(event: Event) -> Status:
    """Give the one status that this event leads to."""
    return next(status for (_, known), status in NEXT.items() if known == event)
