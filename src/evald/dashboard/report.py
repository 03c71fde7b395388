"""The report of one run: the page that `report_url` opens.

The page is made from plain values: the API's objects go in, HTML comes out. It asks no database and
no clock. Every part works without script; the script only swaps parts in place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from evald.contract.json_types import JsonValue
from evald.dashboard.acts import Acts, acts_of, outcome_of
from evald.dashboard.addresses import ReportAddresses
from evald.dashboard.configuration import Configuration, configuration_of
from evald.dashboard.criteria import criteria_of, results_of
from evald.dashboard.findings import NO_FIGURES, Findings, findings_of
from evald.dashboard.frame import Frame
from evald.dashboard.grades import Fault, fault_of
from evald.dashboard.item_detail import ItemDetail, item_detail
from evald.dashboard.items import (
    ItemsPage,
    ItemsTable,
    items_table,
)
from evald.dashboard.items_filters import Filter, item_filters
from evald.dashboard.names import NAME_LIMIT, model_of, name_of
from evald.dashboard.origin import Origin, origin_of
from evald.dashboard.progress import (
    NOT_KNOWN,
    Pace,
    PassRate,
    Progress,
    Times,
    pass_rate,
    progress_of,
    times_of,
)
from evald.dashboard.reading import ApiObject, object_of, text_of
from evald.dashboard.rendering import render
from evald.dashboard.texts import Text, as_line, clip
from evald.dashboard.trend import Trend, trend_of
from evald.dashboard.usage import Usage, usage_of
from evald.rules.cost import NO_PRICES, Prices
from evald.store.earlier_runs import EarlierRun
from evald.store.item_figures import RunFigures

__all__ = [
    "Background",
    "ItemsPage",
    "ReportPage",
    "render_fragment",
    "render_items",
    "render_live",
    "render_report",
    "report_page",
]


@dataclass(frozen=True)
class RunFacts:
    """What a run is: its names, its data, its times; `origin` is None where it was made here.

    `regrade_of` is the address of the run whose samples it grades, or empty.
    """

    id: str
    eval_id: str
    name: str
    eval_name: str
    model: str
    data: str
    times: Times
    origin: Origin | None
    regrade_of: str
    metadata: tuple[tuple[str, Text], ...]


@dataclass(frozen=True)
class Background:
    """What is known beside a run itself.

    `rows` are those that came with its request, where they are few. `base_url` is the API's, as clients
    know it. `earlier` are the runs that completed before it, the oldest first. `pace` is how it goes on.
    """

    figures: RunFigures = NO_FIGURES
    earlier: Sequence[EarlierRun] = ()
    prices: Prices = NO_PRICES
    rows: JsonValue = None
    base_url: str = ""
    pace: Pace = NOT_KNOWN


NOTHING_ELSE: Final = Background()


@dataclass(frozen=True)
class ReportPage:
    """Everything that the report shows. `detail` is the open item, `fault` the run's own error.

    `acts` is None where a reader may do nothing with the run, `outcome` what an act has just done.
    """

    frame: Frame
    addresses: ReportAddresses
    acts: Acts | None
    outcome: str
    facts: RunFacts
    progress: Progress
    fault: Fault | None
    pass_rate: PassRate | None
    trend: Trend | None
    findings: Findings
    usage: Usage
    filters: tuple[Filter, ...]
    table: ItemsTable
    detail: ItemDetail | None
    configuration: Configuration


def report_page(
    *,
    eval_object: ApiObject,
    run: ApiObject,
    items: Sequence[ApiObject],
    page: ItemsPage,
    selected: ApiObject | None,
    frame: Frame,
    now: float | None = None,
    background: Background = NOTHING_ELSE,
) -> ReportPage:
    """Give the report of a run with one page of its output items.

    `selected` is the item whose details are open. With `now` (Unix time) a run
    that goes on tells its time and speed.
    """
    eval_id, run_id = text_of(eval_object.get("id")), text_of(run.get("id"))
    addresses = ReportAddresses(eval_id, run_id, frame.root, frame.share, page.asked.columns)
    criteria = criteria_of(eval_object)
    facts = _facts(eval_object, run, now)
    progress = progress_of(run, facts.times, background.pace)
    rate = pass_rate(progress.counts)
    table = items_table(items, criteria, page=page, addresses=addresses, eval_object=eval_object)
    return ReportPage(
        frame=frame,
        addresses=addresses,
        acts=None if frame.share else acts_of(run, progress),
        outcome="" if frame.share or frame.refusal else outcome_of(frame.did, progress),
        facts=facts,
        progress=progress,
        fault=fault_of(run.get("error")),
        pass_rate=rate,
        trend=trend_of(rate, background.earlier),
        findings=findings_of(
            background.figures, results_of(criteria, run), addresses, known=len(criteria)
        ),
        usage=usage_of(run, background.prices, progress),
        filters=item_filters(page.asked, addresses, progress.counts),
        table=table,
        detail=item_detail(
            selected,
            criteria,
            neighbours=[row.id for row in table.rows],
            page=page,
            addresses=addresses,
        )
        if selected
        else None,
        configuration=configuration_of(
            eval_object,
            run,
            base_url=background.base_url,
            rows=background.rows,
            is_shared=bool(frame.share),
        ),
    )


def render_report(page: ReportPage) -> str:
    """Give the whole page as HTML."""
    return render("report.html", page.frame, page=page)


def render_fragment(page: ReportPage) -> str:
    """Give the parts that depend on the address and on the run, each an element with an id."""
    return render("fragment.html", page.frame, page=page)


def render_items(page: ReportPage) -> str:
    """Give the items and the open item alone, for who goes from one list of them to another."""
    return render("items_fragment.html", page.frame, page=page)


def render_live(page: ReportPage) -> str:
    """Give the parts that change while a run goes on. Rows do not: they would move under the reader."""
    return render("live.html", page.frame, page=page)


def _facts(eval_object: ApiObject, run: ApiObject, now: float | None) -> RunFacts:
    run_id, eval_id = text_of(run.get("id")), text_of(eval_object.get("id"))
    source = object_of(run.get("data_source"))
    regraded = object_of(object_of(run.get("evald")).get("regrade_of"))
    return RunFacts(
        id=run_id,
        eval_id=eval_id,
        name=name_of(run),
        eval_name=name_of(eval_object),
        model=model_of(run),
        data="" if regraded else clip(_data(source), NAME_LIMIT).shown,
        times=times_of(run, now),
        origin=origin_of(run),
        regrade_of=_address(regraded),
        metadata=tuple(
            (clip(key, NAME_LIMIT).shown, as_line(value, NAME_LIMIT))
            for key, value in object_of(run.get("metadata")).items()
        ),
    )


def _address(run: ApiObject) -> str:
    if not run:
        return ""
    return ReportAddresses(text_of(run.get("eval_id")), text_of(run.get("run_id"))).report()


def _data(data_source: ApiObject) -> str:
    """Say in a few words where the rows came from."""
    source = object_of(data_source.get("source"))
    kind = text_of(data_source.get("type"))
    match source.get("type"):
        case "file_id":
            return f"{kind}, {text_of(source.get('id'))}"
        case "file_content":
            return f"{kind}, rows sent with the run"
        case "stored_completions":
            return f"{kind}, stored completions"
        case other:
            return ", ".join(part for part in [kind, text_of(other)] if part)
