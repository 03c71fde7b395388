"""The page that compares runs: the verdict in a sentence, criterion by criterion, row by row.

It is made from plain values, as the report is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from evald.contract.comparisons import RowKind
from evald.dashboard.addresses import CompareAddresses, evals_address
from evald.dashboard.compare_bars import Bar, Scale, scale_for
from evald.dashboard.compare_rows import (
    SEGMENTS,
    Choice,
    Items,
    RowShown,
    Segment,
    choices_of,
    rows_shown,
)
from evald.dashboard.criteria import Criterion, criteria_of
from evald.dashboard.frame import Frame
from evald.dashboard.items_columns import USUAL_CRITERIA
from evald.dashboard.names import model_of, name_of
from evald.dashboard.origin import origin_of
from evald.dashboard.progress import PassRate, counts_of, pass_rate
from evald.dashboard.reading import (
    ApiObject,
    count_of,
    list_of,
    number_or_none,
    object_of,
    text_of,
)
from evald.dashboard.rendering import render
from evald.reports.comparing import Compared, Underway
from evald.reports.comparison import Comparison, ScoreComparison
from evald.reports.comparison_json import LABELS, sentence_of, verdicts_of
from evald.reports.row_pages import RowsPage, row_id
from evald.rules.comparison import Verdicts, p_text
from evald.rules.paired_shares import Pairs, mcnemar, paired_interval
from evald.rules.statistics import Interval


@dataclass(frozen=True)
class RunColumn:
    """One of the runs. `difference` is of its pass rate to the baseline's, None where there is none."""

    id: str
    label: str
    name: str
    address: str
    status: str
    model: str
    is_imported: bool
    created_at: float
    items: int
    pass_rate: PassRate | None
    tokens: int | None
    latency_ms: float | None
    difference: float | None
    baseline_address: str | None
    """The same comparison with this run as the baseline; None for the baseline itself."""
    removed_address: str | None
    """The comparison without it, or None where too few would be left."""


@dataclass(frozen=True)
class Tab:
    """One of several runs to be looked at beside the baseline."""

    label: str
    name: str
    address: str
    is_current: bool


@dataclass(frozen=True)
class ScoreLine:
    """How a criterion's mean score went. Without a bar there are too few rows for an interval."""

    scores: ScoreComparison
    bar: Bar | None


@dataclass(frozen=True)
class CriterionLine:
    """One criterion: how often its verdict changed, and by how much that moves its pass rate."""

    criterion: Criterion
    pairs: Pairs
    interval: Interval
    bar: Bar
    p_value: str
    scores: ScoreLine | None


@dataclass(frozen=True)
class Cell:
    """A number of rows of the diagram, and where they are listed."""

    count: int
    address: str


@dataclass(frozen=True)
class Shown:
    """What is asked to be shown of a comparison, and the rows and items of the page."""

    place: int
    """Of the run that is looked at beside the baseline, from 1."""
    segment: Segment
    after: str | None
    page: RowsPage
    items: Items


@dataclass(frozen=True)
class ComparePage:
    """All that the page shows."""

    frame: Frame
    addresses: CompareAddresses
    eval_name: str
    evals_address: str
    is_final: bool
    runs: tuple[RunColumn, ...]
    run: RunColumn
    """The one that is looked at beside the baseline."""
    tabs: tuple[Tab, ...]
    sentence: str
    verdicts: Verdicts
    bar: Bar
    scale: Scale
    cells: dict[RowKind, Cell]
    criteria: tuple[CriterionLine, ...]
    choices: tuple[Choice, ...]
    segment: Segment
    row_count: int
    columns: tuple[Criterion, ...]
    rows: tuple[RowShown, ...]
    first_address: str | None
    next_address: str | None

    @property
    def baseline(self) -> RunColumn:
        """Give the run that the others are compared with."""
        return self.runs[0]


def render_compare(page: ComparePage) -> str:
    """Give the comparison as HTML."""
    return render("compare.html", page.frame, page=page)


def render_comparing(underway: Underway, eval_object: ApiObject, frame: Frame) -> str:
    """Give the page that says how far a comparison is; it asks again by itself."""
    run_ids = [run.id for run in underway.runs]
    return render(
        "comparing.html",
        frame,
        eval_name=name_of(eval_object),
        evals_address=evals_address(frame.root),
        addresses=CompareAddresses(text_of(eval_object.get("id")), run_ids, frame.root),
        read=underway.read,
        total=underway.total,
    )


def compare_page(
    *,
    compared: Compared,
    eval_object: ApiObject,
    runs: Sequence[ApiObject],
    shown: Shown,
    frame: Frame,
) -> ComparePage:
    """Give the page of a comparison. `eval_object` and `runs` are as the API shows them."""
    addresses = CompareAddresses(
        text_of(eval_object.get("id")), [run.id for run in compared.runs], frame.root
    )
    criteria = criteria_of(eval_object)
    comparison = compared.comparisons[shown.place - 1]
    verdicts = verdicts_of(compared)[shown.place - 1]
    columns = _runs(compared, runs, addresses)
    against = compared.runs[shown.place].id
    lines = _criteria(comparison, criteria)
    scale = scale_for([verdicts.interval, *(line.interval for line in lines)])
    value = verdicts.pairs.difference if verdicts.pairs.judged else 0.0
    return ComparePage(
        frame=frame,
        addresses=addresses,
        eval_name=name_of(eval_object),
        evals_address=evals_address(frame.root),
        is_final=compared.is_pair_final(shown.place),
        runs=columns,
        run=columns[shown.place],
        tabs=_tabs(columns, shown, addresses),
        sentence=sentence_of(compared, shown.place, verdicts),
        verdicts=verdicts,
        bar=scale.bar(value, verdicts.interval),
        scale=scale,
        cells=_cells(comparison, addresses, against),
        criteria=lines,
        choices=choices_of(comparison, shown.segment, addresses, against),
        segment=shown.segment,
        row_count=sum(len(comparison.rows[kind]) for kind in SEGMENTS[shown.segment][1]),
        columns=criteria[:USUAL_CRITERIA],
        rows=rows_shown(shown.page.rows, shown.items, criteria, addresses),
        first_address=shown.after and addresses.compare(against=against, rows=shown.segment),
        next_address=_next_address(shown, addresses, against),
    )


def _runs(
    compared: Compared, runs: Sequence[ApiObject], addresses: CompareAddresses
) -> tuple[RunColumn, ...]:
    return tuple(_run(compared, place, run, addresses) for place, run in enumerate(runs))


def _run(compared: Compared, place: int, run: ApiObject, addresses: CompareAddresses) -> RunColumn:
    run_id = text_of(run.get("id"))
    others = [each.id for each in compared.runs if each.id != run_id]
    pairs = compared.comparisons[place - 1].pairs if place else None
    counts = counts_of(run)
    uses = [object_of(use) for use in list_of(run.get("per_model_usage"))]
    return RunColumn(
        id=run_id,
        label=LABELS[place],
        name=name_of(run),
        address=addresses.report(run_id),
        status=text_of(run.get("status")),
        model=model_of(run),
        is_imported=origin_of(run) is not None,
        created_at=number_or_none(run.get("created_at")) or 0.0,
        items=counts.done,
        pass_rate=pass_rate(counts),
        tokens=sum(count_of(use.get("total_tokens")) for use in uses) if uses else None,
        latency_ms=compared.latencies_ms[place],
        difference=pairs.difference if pairs and pairs.judged else None,
        baseline_address=addresses.compare([run_id, *others]) if place else None,
        removed_address=addresses.compare(others) if len(others) > 1 else None,
    )


def _tabs(
    columns: Sequence[RunColumn], shown: Shown, addresses: CompareAddresses
) -> tuple[Tab, ...]:
    """Give a choice of the runs to look at, where there is one."""
    if len(columns) == 2:
        return ()
    return tuple(
        Tab(
            column.label,
            column.name,
            addresses.compare(against=column.id),
            place == shown.place,
        )
        for place, column in enumerate(columns)
        if place
    )


def _cells(
    comparison: Comparison, addresses: CompareAddresses, against: str
) -> dict[RowKind, Cell]:
    segments = {kind: segment for segment, (_, kinds) in SEGMENTS.items() for kind in kinds}
    return {
        kind: Cell(len(rows), addresses.compare(against=against, rows=segments[kind]) + "#rows")
        for kind, rows in comparison.rows.items()
    }


def _criteria(comparison: Comparison, criteria: Sequence[Criterion]) -> tuple[CriterionLine, ...]:
    intervals = [paired_interval(each.pairs) for each in comparison.criteria]
    scale = scale_for([each for each in intervals if each.high - each.low < 2])
    return tuple(
        CriterionLine(
            criterion=criterion,
            pairs=found.pairs,
            interval=interval,
            bar=scale.bar(found.pairs.difference if found.pairs.judged else 0.0, interval),
            p_value=p_text(mcnemar(found.pairs)),
            scores=_scores(found.scores) if found.scores and found.scores.is_graded else None,
        )
        for criterion, found, interval in zip(criteria, comparison.criteria, intervals, strict=True)
    )


def _scores(scores: ScoreComparison) -> ScoreLine:
    interval = scores.difference.interval
    if interval is None:
        return ScoreLine(scores, None)
    return ScoreLine(scores, scale_for([interval]).bar(scores.difference.value, interval))


def _next_address(shown: Shown, addresses: CompareAddresses, against: str) -> str | None:
    if not shown.page.has_more:
        return None
    last = row_id(shown.page.rows[-1])
    return addresses.compare(against=against, rows=shown.segment, after=last)
