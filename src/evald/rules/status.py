"""Every legal move of a run's status, in one table.

The store applies a move as a single `UPDATE … WHERE status IN (…)`, so that two requests at the same
moment cannot both win. `completed`, `failed` and `canceled` are final: from there only somebody who asks
for it moves a run, by a resume or a retry of its errored rows.
"""

from typing import Final, Literal

from evald.contract.runs import STATUSES, Status

Event = Literal["start", "complete", "fail", "cancel", "resume", "retry"]

REOPENING: Final[frozenset[Event]] = frozenset({"resume", "retry"})
"""The events that lead back from the end of a run: to go on, or to redo its errored rows, too."""

NEXT: Final[dict[tuple[Status, Event], Status]] = {
    ("queued", "start"): "in_progress",
    ("queued", "fail"): "failed",
    ("queued", "cancel"): "canceled",
    ("in_progress", "complete"): "completed",
    ("in_progress", "fail"): "failed",
    ("in_progress", "cancel"): "canceled",
    ("canceled", "resume"): "queued",
    ("failed", "resume"): "queued",
    ("canceled", "retry"): "queued",
    ("failed", "retry"): "queued",
    ("completed", "retry"): "queued",
}

FINAL: Final[frozenset[Status]] = frozenset(STATUSES) - {
    status for status, event in NEXT if event not in REOPENING
}


def is_final(status: Status) -> bool:
    """Say whether a run of this status stays as it is until somebody asks for it to go on."""
    return status in FINAL


def sources(event: Event) -> tuple[Status, ...]:
    """Give the statuses that this event may move away from."""
    return tuple(status for status, known in NEXT if known == event)


def target(event: Event) -> Status:
    """Give the one status that this event leads to."""
    return next(status for (_, known), status in NEXT.items() if known == event)
