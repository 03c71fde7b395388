"""The list of evals and the list of an eval's runs, newest first as the caller gives them."""

from collections.abc import Sequence
from dataclasses import dataclass

from evald.dashboard.addresses import evals_address, report_address, runs_address
from evald.dashboard.bars import Segment
from evald.dashboard.criteria import criteria_of
from evald.dashboard.frame import Frame
from evald.dashboard.origin import origin_of
from evald.dashboard.progress import PassRate, pass_rate, progress_of, times_of
from evald.dashboard.reading import ApiObject, number_or_none, object_of, text_of
from evald.dashboard.rendering import render
from evald.dashboard.texts import clip

_NAME_LIMIT = 200
_MOST_CRITERIA = 6


@dataclass(frozen=True)
class RunRow:
    """One run in the list of an eval's runs."""

    name: str
    address: str
    status: str
    model: str
    created_at: float
    done: int
    rows: int | None
    bar: tuple[Segment, ...]
    pass_rate: PassRate | None
    is_imported: bool


@dataclass(frozen=True)
class EvalRow:
    """One eval in the list of evals."""

    id: str
    name: str
    address: str
    criteria: tuple[str, ...]
    hidden_criteria: int
    created_at: float
    is_imported: bool


def render_runs(
    *,
    eval_object: ApiObject,
    runs: Sequence[ApiObject],
    frame: Frame,
    next_after: str | None = None,
) -> str:
    """Give the page of an eval's runs as HTML. `next_after` is the cursor of the next page."""
    root = frame.root
    eval_id = text_of(eval_object.get("id"))
    return render(
        "runs.html",
        frame,
        eval_id=eval_id,
        eval_name=_name(eval_object),
        origin=origin_of(eval_object),
        evals_address=evals_address(root),
        rows=[_run_row(root, eval_id, run) for run in runs],
        next_address=next_after and runs_address(root, eval_id, after=next_after),
    )


def render_evals(
    *,
    evals: Sequence[ApiObject],
    frame: Frame,
    next_after: str | None = None,
) -> str:
    """Give the page of all evals as HTML; see `render_runs`."""
    root = frame.root
    return render(
        "evals.html",
        frame,
        rows=[_eval_row(root, eval_object) for eval_object in evals],
        next_address=next_after and evals_address(root, after=next_after),
    )


def _run_row(root: str, eval_id: str, run: ApiObject) -> RunRow:
    progress = progress_of(run, times_of(run, None))
    model = text_of(run.get("model")) or text_of(object_of(run.get("data_source")).get("model"))
    return RunRow(
        name=_name(run),
        address=report_address(root, eval_id, text_of(run.get("id"))),
        status=progress.status,
        model=clip(model, _NAME_LIMIT).shown,
        created_at=number_or_none(run.get("created_at")) or 0.0,
        done=progress.counts.done,
        rows=progress.rows,
        bar=progress.bar,
        pass_rate=pass_rate(progress.counts),
        is_imported=origin_of(run) is not None,
    )


def _eval_row(root: str, eval_object: ApiObject) -> EvalRow:
    eval_id = text_of(eval_object.get("id"))
    names = [criterion.name for criterion in criteria_of(eval_object)]
    return EvalRow(
        id=eval_id,
        name=_name(eval_object),
        address=runs_address(root, eval_id),
        criteria=tuple(names[:_MOST_CRITERIA]),
        hidden_criteria=max(0, len(names) - _MOST_CRITERIA),
        created_at=number_or_none(eval_object.get("created_at")) or 0.0,
        is_imported=origin_of(eval_object) is not None,
    )


def _name(thing: ApiObject) -> str:
    """Give an object's name, or its id where it has none."""
    name = text_of(thing.get("name")).strip() or text_of(thing.get("id"))
    return clip(name, _NAME_LIMIT).shown
