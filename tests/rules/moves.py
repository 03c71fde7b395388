"""Every move of a run's status, written down once more, to hold the rules and the store against."""

from evald.contract.runs import Status
from evald.rules.status import Event

MOVES: dict[tuple[Status, Event], Status] = {
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


def after(status: Status, event: Event) -> Status:
    """Give the status that a run of this status must have after an event: the same without a move."""
    return MOVES.get((status, event), status)
