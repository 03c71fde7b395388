"""What is told of a run while it goes on, to programs that listen to its events."""

from typing import Final, Literal

from typing_extensions import TypedDict

from evald.contract.counts import CriterionCountsObject, ResultCountsObject
from evald.contract.runs import Status

PROGRESS: Final = "progress"
"""The event that says how far a run has come."""
RUN: Final = "run"
"""The event with the whole run, once it has ended."""
DONE: Final = "done"
"""The last event of a run that has ended."""
GONE: Final = "gone"
"""The last event of a run that was deleted."""


class RunProgress(TypedDict):
    """How far a run has come."""

    object: Literal["eval.run.progress"]
    eval_id: str
    run_id: str
    status: Status
    rows: int | None
    """Rows of the data source, or null while they are still being read."""
    result_counts: ResultCountsObject
    per_testing_criteria_results: list[CriterionCountsObject] | None
    items_per_second: float | None
    """Of the last ten seconds, or else of the whole run; null before its first item and at its end."""
    seconds_left: float | None
    in_flight: int | None
    """Model calls under way; null where machines carry the run out that this one cannot ask."""
    retries: int | None
    """Calls that were made again; null where that is not known."""
    calls_aborted: int
