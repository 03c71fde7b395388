"""The page of an eval: how its runs went, what tests them, and what its items look like."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from evald.contract.data_source_configs import item_schema_of
from evald.contract.runs import STATUSES
from evald.dashboard.addresses import (
    again_address,
    eval_act_address,
    evals_address,
    report_address,
    runs_address,
)
from evald.dashboard.bars import Segment
from evald.dashboard.criteria import criteria_of
from evald.dashboard.examples import Endpoint, first_run
from evald.dashboard.frame import Frame
from evald.dashboard.lists import metadata_of
from evald.dashboard.names import model_of, name_of
from evald.dashboard.origin import origin_of
from evald.dashboard.pass_rates import chart
from evald.dashboard.progress import PassRate, pass_rate, progress_of, times_of
from evald.dashboard.reading import ApiObject, list_of, number_or_none, object_of, text_of
from evald.dashboard.rendering import render
from evald.dashboard.texts import Text, as_json, as_line, clip
from evald.store.eval_lists import RecentRun

_STATUS_LABELS: Final = {
    "queued": "Queued",
    "in_progress": "In progress",
    "completed": "Completed",
    "failed": "Failed",
    "canceled": "Canceled",
}
_SCHEMA_LIMIT: Final = 20_000
_MOST_PROPERTIES: Final = 50
_CELL_LIMIT: Final = 120
_CONFIG_NAMES: Final = {
    "custom": "objects of its own shape",
    "logs": "captured traffic",
    "stored_completions": "captured chat completions",
}


@dataclass(frozen=True)
class EvalPage:
    """What the page of an eval is made from."""

    eval_object: ApiObject
    runs: Sequence[ApiObject] = ()
    """One page of them, the newest first."""
    recent: Sequence[RecentRun] = ()
    """The last runs for the chart, the newest first, whichever page is shown."""
    status: str | None = None
    """Only runs with this status are listed, or all."""
    is_first_page: bool = True
    next_after: str | None = None


@dataclass(frozen=True)
class RunRow:
    """One run in the list of an eval's runs. `seconds` is None where it is not known."""

    id: str
    name: str
    address: str
    status: str
    model: str
    created_at: float
    seconds: float | None
    done: int
    rows: int | None
    bar: tuple[Segment, ...]
    pass_rate: PassRate | None
    is_imported: bool


@dataclass(frozen=True)
class Property:
    """One key of the items, as their schema describes it."""

    name: str
    type: str
    is_required: bool
    note: Text


@dataclass(frozen=True)
class StatusChoice:
    """A link to the runs with one status, or to all."""

    label: str
    address: str
    is_current: bool


def render_eval(page: EvalPage, *, frame: Frame, endpoint: Endpoint, now: float) -> str:
    """Give the page of an eval as HTML. `endpoint` is what the example is sent to."""
    root, whole = frame.root, page.eval_object
    eval_id = text_of(whole.get("id"))
    config = object_of(whole.get("data_source_config"))
    schema = item_schema_of(dict(config))
    last_run = page.recent[0].id if page.recent else None
    return render(
        "eval.html",
        frame,
        now=now,
        eval_id=eval_id,
        eval_name=name_of(whole),
        whole_name=text_of(whole.get("name")),
        created_at=number_or_none(whole.get("created_at")) or 0.0,
        origin=origin_of(whole),
        metadata=metadata_of(whole),
        criteria=criteria_of(whole),
        chart=chart(page.recent),
        config_type=text_of(config.get("type")),
        config_name=_CONFIG_NAMES.get(text_of(config.get("type")), "what it came with"),
        properties=_properties(schema),
        hidden_properties=max(0, len(object_of(schema.get("properties"))) - _MOST_PROPERTIES),
        schema=as_json(config, _SCHEMA_LIMIT),
        rows=[run_row(root, eval_id, run, now) for run in page.runs],
        choices=_choices(root, eval_id, page.status),
        status=page.status,
        example=None if page.recent else first_run(whole, endpoint),
        needs_key=endpoint.needs_key,
        evals_address=evals_address(root),
        compare_address=eval_act_address(root, eval_id, "compare"),
        rename_address=eval_act_address(root, eval_id, "rename"),
        delete_address=eval_act_address(root, eval_id, "delete"),
        again_address=last_run and again_address(root, eval_id, last_run),
        report_address=lambda run_id: report_address(root, eval_id, run_id),
        first_address=None
        if page.is_first_page
        else runs_address(root, eval_id, status=page.status),
        next_address=page.next_after
        and runs_address(root, eval_id, status=page.status, after=page.next_after),
    )


def run_row(root: str, eval_id: str, run: ApiObject, now: float) -> RunRow:
    """Give a run as lists show it. `now` lets one that goes on say for how long."""
    times = times_of(run, now)
    progress = progress_of(run, times)
    run_id = text_of(run.get("id"))
    return RunRow(
        id=run_id,
        name=name_of(run),
        address=report_address(root, eval_id, run_id),
        status=progress.status,
        model=model_of(run),
        created_at=times.created_at,
        seconds=times.seconds,
        done=progress.counts.done,
        rows=progress.rows,
        bar=progress.bar,
        pass_rate=pass_rate(progress.counts),
        is_imported=origin_of(run) is not None,
    )


def _choices(root: str, eval_id: str, status: str | None) -> list[StatusChoice]:
    listed = [("All", None), *((_STATUS_LABELS[each], each) for each in STATUSES)]
    return [
        StatusChoice(label, runs_address(root, eval_id, status=each), each == status)
        for label, each in listed
    ]


def _properties(schema: ApiObject) -> list[Property]:
    """Give the keys of the items, those that are required first as they stand in the schema."""
    required = {text_of(each) for each in list_of(schema.get("required"))}
    listed = list(object_of(schema.get("properties")).items())[:_MOST_PROPERTIES]
    return [
        Property(
            name=clip(name, _CELL_LIMIT).shown,
            type=_type(object_of(each)),
            is_required=name in required,
            note=_note(object_of(each)),
        )
        for name, each in listed
    ]


def _type(schema: ApiObject) -> str:
    given = schema.get("type")
    types = [text_of(each) for each in given] if isinstance(given, list) else [text_of(given)]
    items = object_of(schema.get("items"))
    if types == ["array"] and items:
        return f"array of {_type(items)}" if items.get("type") != "array" else "array of arrays"
    return clip(" or ".join(filter(None, types)) or "any", _CELL_LIMIT).shown


def _note(schema: ApiObject) -> Text:
    """Give what else a schema says of a key: its description, or the values that it takes."""
    if description := text_of(schema.get("description")):
        return clip(description, _CELL_LIMIT)
    if allowed := list_of(schema.get("enum")):
        some = ", ".join(as_line(each, _CELL_LIMIT).shown for each in allowed[:20])
        return clip(f"one of {some}", _CELL_LIMIT)
    return Text("")
