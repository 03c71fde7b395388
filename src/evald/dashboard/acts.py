"""What a reader can do with a run, as its state allows, and what was done a moment ago."""

from dataclasses import dataclass
from typing import Final

from evald.dashboard.figures import number
from evald.dashboard.frame import Did
from evald.dashboard.origin import origin_of
from evald.dashboard.progress import Progress
from evald.dashboard.reading import ApiObject, object_of, text_of
from evald.runs.given import UNUSABLE_SCHEMA

UNUSABLE_ROWS: Final = frozenset({"invalid_rows", UNUSABLE_SCHEMA})
"""How a run ended that would end so again."""


@dataclass(frozen=True)
class Acts:
    """The acts that a run's page offers.

    `errored` counts the items that could be redone; it is 0 where none can.
    """

    can_cancel: bool
    can_resume: bool
    errored: int
    can_delete: bool


def acts_of(run: ApiObject, progress: Progress) -> Acts:
    """Give the acts that are offered for a run."""
    may_go_on = progress.is_final and origin_of(run) is None
    ended_by = text_of(object_of(run.get("error")).get("code"))
    has_rows = progress.not_run > 0 or (progress.rows is None and ended_by not in UNUSABLE_ROWS)
    return Acts(
        can_cancel=not progress.is_final,
        can_resume=may_go_on and has_rows and progress.status != "completed",
        errored=progress.counts.errored if may_go_on else 0,
        can_delete=progress.is_final,
    )


def outcome_of(did: Did, progress: Progress) -> str:
    """Tell what an act has done, from how the run stands after it; empty where there is nothing."""
    match did:
        case "cancel" if progress.status == "canceled":
            return _canceled(progress)
        case "cancel" if progress.is_final:
            return "Not canceled: the run had come to its end before."
        case "resume" if progress.is_final:
            return "Resumed, and at its end already."
        case "resume":
            left = f" {_counted(progress.not_run, 'row')} to go." if progress.not_run else ""
            return f"Resumed: the run goes on where it stopped.{left}"
        case "retry":
            return "The errored items were taken out, and their rows are run again."
        case _:
            return ""


def _canceled(progress: Progress) -> str:
    parts = [
        f"{_counted(progress.counts.done, 'item')} kept",
        f"{_counted(progress.calls_aborted, 'call')} cut off",
    ]
    if progress.rows is not None:
        parts.append(f"{_counted(progress.not_run, 'row')} not run")
    return f"Canceled: {', '.join(parts)}."


def _counted(count: int, word: str) -> str:
    return f"{number(count)} {word if count == 1 else word + 's'}"
