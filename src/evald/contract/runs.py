"""The run: its request and its object (contract sections 2.2 and 3.2)."""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, NotRequired

import orjson
from typing_extensions import TypedDict

from evald.contract.counts import (
    PURPOSES,
    CriterionCounts,
    CriterionCountsObject,
    ModelUsage,
    Purpose,
    ResultCounts,
    ResultCountsObject,
    ShownUsage,
    by_model,
)
from evald.contract.json_types import DescribedAs
from evald.contract.metadata import Metadata, Name
from evald.contract.pages import Page
from evald.contract.run_data_sources import DataSource, ShownDataSource
from evald.contract.validation import RequestModel

Status = Literal["queued", "in_progress", "completed", "failed", "canceled"]
STATUSES: Final[tuple[Status, ...]] = ("queued", "in_progress", "completed", "failed", "canceled")


class CreateRun(RequestModel):
    """The body of `POST /evals/{eval_id}/runs`."""

    name: Name | None = None
    metadata: Metadata | None = None
    data_source: DataSource


class ResumeRun(RequestModel):
    """The body of `POST …/runs/{run_id}/resume`, which may be left out."""

    retry: Literal["errored"] | None = None


class RunErrorObject(TypedDict):
    """Why a run as a whole failed, as it is answered."""

    code: str
    message: str


class ImportedRunObject(TypedDict):
    """That a run was carried out elsewhere: when it came, and with which status.

    `reconstructed` says that it was put together from its output items alone.
    """

    at: int
    status: Status
    reconstructed: bool


class ResumedObject(TypedDict):
    """That a run went on after its end: how often, and how many seconds it was carried out before."""

    times: int
    seconds_before: float


class RegradeOfObject(TypedDict):
    """The run whose samples a run grades."""

    eval_id: str
    run_id: str


class RunExtras(TypedDict):
    """What evald adds to a run.

    Times are Unix seconds, and null until they come, or where an imported run did not tell them. A run
    that was resumed has those since then.
    """

    rows: int | None
    calls_aborted: int
    started_at: float | None
    finished_at: float | None
    usage: dict[Purpose, list[ShownUsage]]
    resumed: NotRequired[ResumedObject]
    regrade_of: NotRequired[RegradeOfObject]
    imported: NotRequired[ImportedRunObject]


class RunObject(TypedDict):
    """A run as it is answered; one that was imported may have more keys, as they came."""

    object: Literal["eval.run"]
    id: str
    eval_id: str
    report_url: str
    status: Status
    model: str | None
    name: str
    created_at: int
    result_counts: ResultCountsObject
    per_model_usage: list[ShownUsage] | None
    per_testing_criteria_results: list[CriterionCountsObject] | None
    data_source: Annotated[Any, DescribedAs(ShownDataSource)]
    metadata: dict[str, str] | None
    error: RunErrorObject | None
    evald: RunExtras


class RunPage(Page):
    """A page of runs."""

    data: list[RunObject]


class DeletedRun(TypedDict):
    """The answer to a delete."""

    object: Literal["eval.run.deleted"]
    deleted: bool
    run_id: str


@dataclass(frozen=True, slots=True)
class RunError:
    """Why a run as a whole failed."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ImportedRun:
    """What is kept of a run that was carried out elsewhere."""

    at: int
    """When it came, in whole Unix seconds."""
    status: Status
    """The status that it came with."""
    reconstructed: bool
    """Whether it was put together from its output items alone; its counts are then theirs."""
    body: str
    """The run as the API shows it, without its data source and what is evald's."""
    extras: str
    """What another evald had added to it."""


@dataclass(frozen=True, slots=True)
class Regraded:
    """The run whose samples another one grades, as it was when that one was created."""

    eval_id: str
    run_id: str
    items: int
    """How many output items it had."""
    last: int
    """The number in the order of saving that none of them exceeds."""
    was_sampled: bool
    """Whether it asked a model, or graded samples of one; else its rows may have none."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run with its numbers, as they were in one moment."""

    id: str
    eval_id: str
    name: str
    model: str | None
    status: Status
    created_at: int
    """Whole Unix seconds."""
    data_source_text: str
    """The data source as JSON text; with inline rows it can be many megabytes."""
    metadata: dict[str, str] | None
    error: RunError | None
    counts: ResultCounts
    criteria: tuple[tuple[str, CriterionCounts], ...]
    """One pair of criterion id and counts for each testing criterion, in the eval's order."""
    usage: tuple[ModelUsage, ...]
    """One for each model and purpose."""
    row_count: int | None
    """Rows of the data source, or None while a large file is not read through yet."""
    calls_aborted: int
    """Model calls in flight that a cancel cut off."""
    started_at: float | None
    finished_at: float | None
    resumes: int = 0
    """How often it went on after its end."""
    seconds_before: float = 0.0
    """For how long it had been carried out before it went on the last time."""
    regrade_of: Regraded | None = None
    """The run whose samples it grades, or None where it has its own."""
    imported: ImportedRun | None = None

    def as_json(self, public_url: str) -> bytes:
        """Give the wire form as JSON text. `public_url` is where browsers find this server.

        Counts per criterion and usage are null until there is a result, as the live service has it.
        What evald adds stands under the one key `evald`. An imported run is shown as it came.
        """
        if self.imported is not None:
            return self._imported_json(self.imported, public_url)
        begun = self.counts.total > 0
        shown: RunObject = {
            "object": "eval.run",
            "id": self.id,
            "eval_id": self.eval_id,
            "report_url": self._report_url(public_url),
            "status": self.status,
            "model": self.model,
            "name": self.name,
            "created_at": self.created_at,
            "result_counts": self.counts.as_json(),
            "per_model_usage": [use.as_json() for use in by_model(self.usage)] if begun else None,
            "per_testing_criteria_results": self._criteria_json() if begun else None,
            "data_source": orjson.Fragment(self.data_source_text),
            "metadata": self.metadata,
            "error": self._error_json(),
            "evald": self._extras_json(),
        }
        return orjson.dumps(shown)

    def _extras_json(self) -> RunExtras:
        extras: RunExtras = {
            "rows": self.row_count,
            "calls_aborted": self.calls_aborted,
            "started_at": self.started_at,
            "finished_at": self.finished_at,
            "usage": self._usage_json(),
        }
        if self.resumes:
            extras["resumed"] = {"times": self.resumes, "seconds_before": self.seconds_before}
        if (source := self.regrade_of) is not None:
            extras["regrade_of"] = {"eval_id": source.eval_id, "run_id": source.run_id}
        return extras

    def _imported_json(self, imported: ImportedRun, public_url: str) -> bytes:
        shown = {
            **orjson.loads(imported.body),
            "report_url": self._report_url(public_url),
            "status": self.status,
            "data_source": orjson.Fragment(self.data_source_text),
        }
        if imported.reconstructed:
            shown["result_counts"] = self.counts.as_json()
        origin: ImportedRunObject = {
            "at": imported.at,
            "status": imported.status,
            "reconstructed": imported.reconstructed,
        }
        shown["evald"] = {**orjson.loads(imported.extras), "imported": origin}
        return orjson.dumps(shown)

    def _report_url(self, public_url: str) -> str:
        return f"{public_url}/evaluations/{self.eval_id}?run_id={self.id}"

    def _criteria_json(self) -> list[CriterionCountsObject]:
        return [counts.as_json(criterion_id) for criterion_id, counts in self.criteria]

    def _usage_json(self) -> dict[Purpose, list[ShownUsage]]:
        """What `per_model_usage` adds up, told apart by what the calls were for."""
        return {
            purpose: [use.as_json() for use in self.usage if use.purpose == purpose]
            for purpose in PURPOSES
        }

    def _error_json(self) -> RunErrorObject | None:
        if self.error is None:
            return None
        return {"code": self.error.code, "message": self.error.message}
