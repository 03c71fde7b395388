"""The output item, as it is kept and answered (contract sections 3.3 to 3.5)."""

from typing import Literal, NotRequired

from pydantic import ConfigDict
from typing_extensions import TypedDict

from evald.contract.counts import ModelUsageObject
from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.pages import Page


class ItemErrorObject(TypedDict):
    """Why there is no sample, or no grade."""

    code: str
    message: str


class SampleUsageObject(TypedDict):
    """The tokens of one call."""

    total_tokens: int
    completion_tokens: int
    prompt_tokens: int
    cached_tokens: int


class SampleObject(TypedDict):
    """What a model gave for one row, and what it was asked with; the params are as they were sent."""

    input: list[JsonObject]
    output: list[JsonObject]
    finish_reason: str
    model: str
    usage: SampleUsageObject
    error: ItemErrorObject | None
    temperature: JsonValue
    top_p: JsonValue
    seed: JsonValue
    max_completions_tokens: JsonValue
    max_completion_tokens: JsonValue


class ResultObject(TypedDict):
    """What one criterion found; `name` is its id. Graders add keys of their own.

    Results of imported items may have no `type`.
    """

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    name: str
    type: NotRequired[str]
    passed: bool
    score: float
    sample: JsonObject | None
    error: NotRequired[JsonObject]


class ImportedItemObject(TypedDict):
    """The status that an imported item came with, where it is none of evald's."""

    status: JsonValue


class ItemExtras(TypedDict):
    """What evald adds to an output item; on imported ones as far as it is known."""

    latency_ms: NotRequired[float | None]
    attempts: NotRequired[int]
    judge_usage: NotRequired[list[ModelUsageObject]]
    asked_by: NotRequired[str]
    regrade_of: NotRequired[str]
    imported: NotRequired[ImportedItemObject]


class OutputItemObject(TypedDict):
    """An output item as it is answered."""

    object: Literal["eval.run.output_item"]
    id: str
    created_at: int
    run_id: str
    eval_id: str
    status: Literal["pass", "fail", "error"]
    datasource_item_id: int
    datasource_item: JsonObject
    results: list[ResultObject]
    sample: SampleObject
    _datasource_item_content_hash: str
    evald: NotRequired[ItemExtras]


"""An output item as it is answered."""


class OutputItemPage(Page):
    """A page of output items."""

    data: list[OutputItemObject]
