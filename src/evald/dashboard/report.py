"""The report of one run: the page that `report_url` opens.

The page is made from plain values: the API's objects go in, HTML comes out. It asks no database and
no clock. Every part works without script; the script only swaps parts in place.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from evald.contract.json_types import JsonValue
from evald.dashboard.acts import Acts, acts_of, outcome_of
from evald.dashboard.addresses import ReportAddresses
from evald.dashboard.criteria import CriterionResult, criteria_of, results_of
from evald.dashboard.frame import Frame
from evald.dashboard.grades import Fault, fault_of
from evald.dashboard.item_detail import JSON_LIMIT, ItemDetail, item_detail
from evald.dashboard.items import (
    CommonError,
    Filter,
    ItemsPage,
    ItemsTable,
    common_errors,
    item_filters,
    items_table,
    median_latency_ms,
)
from evald.dashboard.origin import Origin, origin_of
from evald.dashboard.progress import (
    ModelUsage,
    PassRate,
    Progress,
    Times,
    pass_rate,
    progress_of,
    times_of,
    usage_of,
)
from evald.dashboard.reading import ApiObject, list_of, object_of, text_of
from evald.dashboard.rendering import render
from evald.dashboard.texts import Text, as_json, as_line, clip

__all__ = [
    "ItemsPage",
    "ReportPage",
    "render_fragment",
    "render_report",
    "report_page",
]

_NAME_LIMIT = 200


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
    median_latency_ms: float | None
    criteria: tuple[CriterionResult, ...]
    usage: tuple[ModelUsage, ...]
    common_errors: tuple[CommonError, ...]
    filters: tuple[Filter, ...]
    table: ItemsTable
    detail: ItemDetail | None
    configuration: Text


def report_page(
    *,
    eval_object: ApiObject,
    run: ApiObject,
    items: Sequence[ApiObject],
    page: ItemsPage,
    selected: ApiObject | None,
    frame: Frame,
    now: float | None = None,
) -> ReportPage:
    """Give the report of a run with one page of its output items.

    `selected` is the item whose details are open. With `now` (Unix time) a run
    that goes on tells its time and speed.
    """
    eval_id, run_id = text_of(eval_object.get("id")), text_of(run.get("id"))
    addresses = ReportAddresses(eval_id, run_id, frame.root, frame.share)
    criteria = criteria_of(eval_object)
    facts = _facts(eval_object, run, now)
    progress = progress_of(run, facts.times)
    selected_id = text_of(selected.get("id")) if selected else None
    table = items_table(items, criteria, page=page, addresses=addresses, selected_id=selected_id)
    return ReportPage(
        frame=frame,
        addresses=addresses,
        acts=None if frame.share else acts_of(run, progress),
        outcome="" if frame.share or frame.refusal else outcome_of(frame.did, progress),
        facts=facts,
        progress=progress,
        fault=fault_of(run.get("error")),
        pass_rate=pass_rate(progress.counts),
        median_latency_ms=median_latency_ms(items),
        criteria=results_of(criteria, run),
        usage=usage_of(run),
        common_errors=common_errors(items),
        filters=item_filters(page, addresses, progress.counts),
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
        configuration=as_json(_configuration(eval_object, run), JSON_LIMIT),
    )


def render_report(page: ReportPage) -> str:
    """Give the whole page as HTML."""
    return render("report.html", page.frame, page=page)


def render_fragment(page: ReportPage) -> str:
    """Give the parts that change while a run goes on, each an element with an id."""
    return render("fragment.html", page.frame, page=page)


def _facts(eval_object: ApiObject, run: ApiObject, now: float | None) -> RunFacts:
    run_id, eval_id = text_of(run.get("id")), text_of(eval_object.get("id"))
    source = object_of(run.get("data_source"))
    regraded = object_of(object_of(run.get("evald")).get("regrade_of"))
    model = text_of(run.get("model")) or text_of(source.get("model"))
    return RunFacts(
        id=run_id,
        eval_id=eval_id,
        name=clip(text_of(run.get("name")).strip() or run_id, _NAME_LIMIT).shown,
        eval_name=clip(text_of(eval_object.get("name")).strip() or eval_id, _NAME_LIMIT).shown,
        model=clip(model, _NAME_LIMIT).shown,
        data="" if regraded else clip(_data(source), _NAME_LIMIT).shown,
        times=times_of(run, now),
        origin=origin_of(run),
        regrade_of=_address(regraded),
        metadata=tuple(
            (clip(key, _NAME_LIMIT).shown, as_line(value, _NAME_LIMIT))
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


def _configuration(eval_object: ApiObject, run: ApiObject) -> dict[str, JsonValue]:
    """Give what the run was asked to do, without the rows that came with the request."""
    data_source = dict(object_of(run.get("data_source")))
    source = dict(object_of(data_source.get("source")))
    if rows := list_of(source.get("content")):
        source["content"] = f"({len(rows)} rows)"
        data_source["source"] = source
    return {
        "data_source": data_source,
        "testing_criteria": eval_object.get("testing_criteria"),
    }
