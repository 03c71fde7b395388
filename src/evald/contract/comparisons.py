"""The comparison of runs, as it is answered. It is evald's own; OpenAI's API has none."""

from typing import Literal

from typing_extensions import TypedDict

from evald.contract.counts import ResultCountsObject
from evald.contract.pages import Page
from evald.contract.runs import Status

RowKind = Literal[
    "regressed",
    "fixed",
    "both_failed",
    "errored",
    "only_in_baseline",
    "only_in_run",
    "both_passed",
]
ItemStatusWord = Literal["pass", "fail", "error"]


class ComparedRowCounts(TypedDict):
    """How many rows went which way; each row is in one of them."""

    regressed: int
    fixed: int
    both_failed: int
    errored: int
    only_in_baseline: int
    only_in_run: int
    both_passed: int


class PairCounts(TypedDict):
    """How many rows went which way, of those that both runs judged."""

    regressed: int
    fixed: int
    both_failed: int
    both_passed: int


class McNemarObject(TypedDict):
    """McNemar's test of the rows that differ.

    `adjusted_p_value` also takes into account how many runs are compared with the baseline.
    """

    p_value: float
    adjusted_p_value: float
    method: Literal["mid_p"]


class DifferenceObject(TypedDict):
    """The share that the run passes more than the baseline, with its 95 % interval."""

    value: float
    low: float
    high: float
    method: Literal["tango"]


class ScoresObject(TypedDict):
    """The mean scores over the rows that both runs scored; no interval with fewer than 10 of them."""

    rows: int
    baseline_mean: float
    run_mean: float
    difference: float
    low: float | None
    high: float | None
    method: Literal["bootstrap", "bootstrap_limit"] | None


class CriterionComparisonObject(TypedDict):
    """One testing criterion; its p value is of this criterion alone."""

    testing_criteria: str
    name: str
    counts: PairCounts
    judged: int
    difference: DifferenceObject | None
    p_value: float
    scores: ScoresObject | None


class ComparedWithBaseline(TypedDict):
    """One run against the baseline; `judged` rows have a verdict in both."""

    run_id: str
    label: str
    counts: ComparedRowCounts
    judged: int
    difference: DifferenceObject | None
    mcnemar: McNemarObject
    per_testing_criteria: list[CriterionComparisonObject]
    sentence: str


class ComparedRun(TypedDict):
    """One of the runs; `label` is a letter, in the order in which they were named."""

    run_id: str
    label: str
    name: str
    status: Status
    model: str | None
    result_counts: ResultCountsObject
    mean_latency_ms: float | None


class ComparisonObject(TypedDict):
    """Runs of an eval, each compared with the first one, row by row.

    `is_final` is false while one of the runs goes on: what it has so far is compared then.
    """

    object: Literal["eval.run.comparison"]
    eval_id: str
    is_final: bool
    runs: list[ComparedRun]
    comparisons: list[ComparedWithBaseline]


class ComparedItem(TypedDict):
    """A row as one of the runs has it."""

    output_item_id: str
    datasource_item_id: int
    status: ItemStatusWord


class ComparedRowObject(TypedDict):
    """A row of a comparison; null in the run that does not have it."""

    object: Literal["eval.run.comparison.row"]
    id: str
    kind: RowKind
    baseline: ComparedItem | None
    run: ComparedItem | None


class ComparedRowPage(Page):
    """A page of rows."""

    data: list[ComparedRowObject]
