"""The list of evals, newest first as the caller gives them, with what their last runs came to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from evald.dashboard.addresses import evals_address, report_address, runs_address
from evald.dashboard.criteria import criteria_of
from evald.dashboard.examples import Endpoint, first_eval
from evald.dashboard.frame import Frame
from evald.dashboard.names import NAME_LIMIT, name_of
from evald.dashboard.origin import origin_of
from evald.dashboard.pass_rates import Sparkline, completed_rates, sparkline
from evald.dashboard.reading import ApiObject, number_or_none, object_of, text_of
from evald.dashboard.rendering import render
from evald.dashboard.texts import Text, clip
from evald.rules.eval_filter import MOST_PAIRS, EvalFilter, MetadataPair
from evald.store.eval_lists import RecentRun

_MOST_CRITERIA: Final = 3
_MOST_CHIPS: Final = 3
_CHIP_LIMIT: Final = 40


@dataclass(frozen=True)
class FoundEvals:
    """One page of the evals that a filter finds."""

    evals: Sequence[ApiObject] = ()
    recent: Mapping[str, Sequence[RecentRun]] = field(default_factory=dict)
    """The last runs of each, the newest first."""
    totals: Mapping[str, int] = field(default_factory=dict)
    """How many runs each has."""
    wanted: EvalFilter = field(default_factory=EvalFilter)
    is_first_page: bool = True
    next_after: str | None = None
    """The cursor of the next page, or None on the last one."""


@dataclass(frozen=True)
class Chip:
    """A pair of metadata, and where it leads: to the evals with it, or without it as a filter."""

    key: str
    value: str
    address: str


@dataclass(frozen=True)
class LastRun:
    """The last run of an eval."""

    name: str
    address: str
    status: str
    model: str
    created_at: float


@dataclass(frozen=True)
class EvalRow:
    """One eval in the list of evals."""

    id: str
    name: str
    address: str
    criteria: tuple[str, ...]
    hidden_criteria: int
    chips: tuple[Chip, ...]
    created_at: float
    is_imported: bool
    runs: int
    last_run: LastRun | None
    pass_rate: float | None
    """Of the last completed run."""
    sparkline: Sparkline | None


def render_evals(found: FoundEvals, *, frame: Frame, endpoint: Endpoint, now: float) -> str:
    """Give the page of evals as HTML. `endpoint` is what the example on an empty page is sent to."""
    wanted = found.wanted
    nothing_at_all = not found.evals and wanted.is_empty and found.is_first_page
    return render(
        "evals.html",
        frame,
        rows=[_row(frame.root, each, found) for each in found.evals],
        now=now,
        wanted=wanted,
        chips=[_removal(frame.root, wanted, pair) for pair in wanted.metadata],
        pairs=[pair.as_text() for pair in wanted.metadata],
        may_add=len(wanted.metadata) < MOST_PAIRS,
        example=first_eval(endpoint) if nothing_at_all else None,
        needs_key=endpoint.needs_key,
        all_address=evals_address(frame.root),
        new_address=f"{frame.root}dashboard/new",
        first_address=None if found.is_first_page else _address(frame.root, wanted),
        next_address=found.next_after and _address(frame.root, wanted, after=found.next_after),
    )


def metadata_of(thing: ApiObject) -> tuple[tuple[str, Text], ...]:
    """Give the pairs of an object's metadata."""
    pairs = object_of(thing.get("metadata")).items()
    return tuple((key, clip(text_of(value), 512)) for key, value in pairs)


def _address(root: str, wanted: EvalFilter, *, after: str | None = None) -> str:
    pairs = [pair.as_text() for pair in wanted.metadata]
    return evals_address(root, words=wanted.words, meta=pairs, after=after)


def _removal(root: str, wanted: EvalFilter, pair: MetadataPair) -> Chip:
    others = tuple(each for each in wanted.metadata if each != pair)
    return _chip(pair, _address(root, replace(wanted, metadata=others)))


def _chip(pair: MetadataPair, address: str) -> Chip:
    return Chip(clip(pair.key, _CHIP_LIMIT).shown, clip(pair.value, _CHIP_LIMIT).shown, address)


def _row(root: str, eval_object: ApiObject, found: FoundEvals) -> EvalRow:
    eval_id = text_of(eval_object.get("id"))
    names = [criterion.name for criterion in criteria_of(eval_object)]
    recent = found.recent.get(eval_id, ())
    rates = completed_rates(recent)
    return EvalRow(
        id=eval_id,
        name=name_of(eval_object),
        address=runs_address(root, eval_id),
        criteria=tuple(names[:_MOST_CRITERIA]),
        hidden_criteria=max(0, len(names) - _MOST_CRITERIA),
        chips=_chips(root, eval_object, found.wanted),
        created_at=number_or_none(eval_object.get("created_at")) or 0.0,
        is_imported=origin_of(eval_object) is not None,
        runs=found.totals.get(eval_id, 0),
        last_run=_last_run(root, eval_id, recent[0]) if recent else None,
        pass_rate=rates[-1] if rates else None,
        sparkline=sparkline(rates),
    )


def _chips(root: str, eval_object: ApiObject, wanted: EvalFilter) -> tuple[Chip, ...]:
    """Give the first pairs of an eval's metadata; each leads to all evals that have it."""
    pairs = [
        MetadataPair(key, text_of(value))
        for key, value in object_of(eval_object.get("metadata")).items()
        if key
    ]
    return tuple(
        _chip(pair, _address(root, EvalFilter(wanted.words, (pair,))))
        for pair in pairs[:_MOST_CHIPS]
    )


def _last_run(root: str, eval_id: str, run: RecentRun) -> LastRun:
    return LastRun(
        name=clip(run.name.strip() or run.id, NAME_LIMIT).shown,
        address=report_address(root, eval_id, run.id),
        status=run.status,
        model=clip(run.model or "", NAME_LIMIT).shown,
        created_at=run.created_at,
    )
