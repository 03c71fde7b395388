"""History that is imported: evals, runs and output items of elsewhere, and the answer to an import.

What comes has been brought into the whole shape of the API before (`rules/archived.py`).
"""

import re
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from evald.contract.counts import Purpose
from evald.contract.evals import MAX_CRITERIA
from evald.contract.json_types import ParsedJson
from evald.contract.metadata import Metadata, Name, storable
from evald.contract.runs import Status
from evald.contract.validation import RequestModel

LATEST_TIME: Final = 253_402_300_799
"""The last second of the year 9999."""
LARGEST_COUNT: Final = 2**31 - 1
LARGEST_NUMBER: Final = 2**53

_ID = re.compile(r"[A-Za-z0-9_.:-]{1,200}")
_NO_IDS: Final = frozenset({".", "..", "import"})
"""What would be something else in a path."""


def _usable_id(text: str) -> str:
    if not _ID.fullmatch(text) or text in _NO_IDS:
        raise ValueError("an id has 1 to 200 letters, digits and characters of '_.:-'")
    return text


ArchivedId: TypeAlias = Annotated[str, AfterValidator(_usable_id)]
"""An id that was given elsewhere and is kept; it stands in paths."""
Moment: TypeAlias = Annotated[int, Field(ge=0, le=LATEST_TIME)]
ExactMoment: TypeAlias = Annotated[float, Field(ge=0, le=LATEST_TIME, allow_inf_nan=False)]
_Count: TypeAlias = Annotated[int, Field(ge=0, le=LARGEST_COUNT)]
_Number: TypeAlias = Annotated[int, Field(ge=0, le=LARGEST_NUMBER)]
_Object: TypeAlias = dict[str, ParsedJson]


class ArchivedEval(RequestModel):
    """An eval of elsewhere. What it asks for is read apart: it may be something unknown here."""

    id: ArchivedId
    name: Name
    created_at: Moment
    data_source_config: _Object
    testing_criteria: Annotated[list[_Object], Field(max_length=MAX_CRITERIA)]
    metadata: Metadata | None


class _Counts(RequestModel):
    total: _Count
    passed: _Count
    failed: _Count
    errored: _Count


class _Usage(RequestModel):
    model_name: Annotated[str, AfterValidator(storable)]
    invocation_count: _Number
    prompt_tokens: _Number
    completion_tokens: _Number
    total_tokens: _Number
    cached_tokens: _Number


class _CriterionCounts(RequestModel):
    testing_criteria: str
    passed: _Count
    failed: _Count
    errored: _Count = 0


class _Error(RequestModel):
    code: str | None = None
    message: str | None = None


class ArchivedRun(RequestModel):
    """A run of elsewhere."""

    id: ArchivedId
    eval_id: ArchivedId
    status: Status
    model: Name | None
    name: Name
    created_at: Moment
    result_counts: _Counts
    per_model_usage: list[_Usage] | None
    per_testing_criteria_results: list[_CriterionCounts] | None
    data_source: _Object
    metadata: Metadata | None
    error: _Error | None


class _Resumed(RequestModel):
    times: Annotated[int, Field(ge=1, le=LARGEST_COUNT)]
    seconds_before: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _RegradeOf(RequestModel):
    eval_id: str
    run_id: str


class RunExtrasOfElsewhere(RequestModel):
    """What another evald had added to a run (`RunExtras`)."""

    rows: _Count | None = None
    calls_aborted: _Count = 0
    started_at: ExactMoment | None = None
    finished_at: ExactMoment | None = None
    usage: dict[Purpose, list[_Usage]] = Field(default_factory=dict)
    resumed: _Resumed | None = None
    regrade_of: _RegradeOf | None = None


class _Result(RequestModel):
    name: str
    type: str = ""
    passed: bool
    score: Annotated[float, Field(allow_inf_nan=False)]
    sample: _Object | None
    error: _Error | None = None


class _TokenUsage(RequestModel):
    total_tokens: _Number
    completion_tokens: _Number
    prompt_tokens: _Number
    cached_tokens: _Number


class _Sample(RequestModel):
    input: list[_Object]
    output: list[_Object]
    finish_reason: str
    model: str
    usage: _TokenUsage
    error: _Error | None


class ItemExtrasOfElsewhere(RequestModel):
    """What another evald had added to an output item (`ItemExtras`)."""

    latency_ms: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None
    attempts: _Count
    judge_usage: list[_Usage]
    asked_by: str = ""
    regrade_of: str = ""


class ArchivedItem(RequestModel):
    """An output item of elsewhere."""

    id: ArchivedId
    run_id: ArchivedId
    eval_id: ArchivedId
    created_at: Moment
    status: Literal["pass", "fail", "error"]
    datasource_item_id: Annotated[int, Field(ge=-LARGEST_NUMBER, le=LARGEST_NUMBER)] | None = None
    datasource_item: _Object
    results: list[_Result]
    sample: _Sample


class KindCountsObject(TypedDict):
    """What became of the objects of one kind."""

    imported: int
    existing: int
    different: int
    replaced: int


class HistoryErrorObject(TypedDict):
    """Why a line was left out; lines count from 1."""

    line: int
    id: str | None
    code: str
    message: str


class HistoryNoteObject(TypedDict):
    """What there is to know about a line that was no error."""

    line: int
    id: str
    message: str


class HistoryImportObject(TypedDict):
    """What became of the lines of an import of history."""

    object: Literal["eval.import"]
    dry_run: bool
    evals: KindCountsObject
    runs: KindCountsObject
    output_items: KindCountsObject
    failed: int
    errors: list[HistoryErrorObject]
    notes: list[HistoryNoteObject]
