"""The kept figures of a run: how its latencies, tokens and scores are spread, and why items failed."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sqlalchemy import Row, and_, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.rules.bins import Bins
from evald.store.index_tables import item_index, run_bins, run_reasons
from evald.store.tables import imported_runs, output_items, runs

MOST_REASONS: Final = 20


@dataclass(frozen=True, slots=True)
class Reason:
    """Why some items of a run failed or errored."""

    key: str
    label: str
    status: Literal["fail", "error"]
    criterion: int | None
    """The position of the criterion that it is of, or None where sampling broke."""
    count: int


@dataclass(frozen=True, slots=True)
class RunFigures:
    """What is kept of the items of a run that are in the index."""

    indexed: int = 0
    """How many those are; all that the run counts where no other was saved, as of imported history."""
    latency: Bins = field(default_factory=Bins)
    """In milliseconds."""
    tokens: Bins = field(default_factory=Bins)
    scores: Mapping[int, Bins] = field(default_factory=dict)
    """By the position of the criterion; one without a score is not here."""
    reasons: tuple[Reason, ...] = ()
    """The most frequent ones first."""
    retries: int = 0
    """Calls that were made again."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """How far the index of a run is."""

    items: int = 0
    retries: int | None = None
    """Calls that were made again, or None where its index was not begun."""


async def indexed_of(connection: AsyncConnection, run_id: str) -> Indexed:
    """Give how far the index of a run is, with one small read."""
    found = await connection.execute(_INDEXED, {"of_run": run_id})
    index = found.one_or_none()
    return Indexed() if index is None else Indexed(_indexed(index), index.retries)


def _indexed(index: Row[Any]) -> int:
    # Of imported history not all items may be known that it counts: what is not there is not behind.
    known: int = index.indexed or 0
    return max(known, index.total) if index.has_all_there_is else known


_NEWEST: Final = (
    select(func.max(output_items.c.seq)).where(output_items.c.run_id == runs.c.id).scalar_subquery()
)
_INDEXED: Final = (
    select(
        item_index.c.run_seq,
        item_index.c.indexed,
        item_index.c.retries,
        (runs.c.passed + runs.c.failed + runs.c.errored).label("total"),
        and_(
            imported_runs.c.run_id.is_not(None),
            func.coalesce(item_index.c.gone_to, 0) == 0,
            func.coalesce(item_index.c.indexed_to, 0) >= func.coalesce(_NEWEST, 0),
        ).label("has_all_there_is"),
    )
    .select_from(runs)
    .outerjoin(item_index, item_index.c.run_id == runs.c.id)
    .outerjoin(imported_runs, imported_runs.c.run_id == runs.c.id)
    .where(runs.c.id == bindparam("of_run"))
)


async def figures_of(connection: AsyncConnection, run_id: str) -> RunFigures:
    """Give the figures of a run; all of none where its index was not begun."""
    found = await connection.execute(_INDEXED, {"of_run": run_id})
    index = found.one_or_none()
    if index is None:
        return RunFigures()
    if index.run_seq is None:
        return RunFigures(indexed=_indexed(index))
    bins = await _bins_of(connection, index.run_seq)
    return RunFigures(
        indexed=_indexed(index),
        latency=bins.get(("latency", 0), Bins()),
        tokens=bins.get(("tokens", 0), Bins()),
        scores={place: each for (kind, place), each in bins.items() if kind == "score"},
        reasons=await _reasons_of(connection, index.run_seq),
        retries=index.retries,
    )


async def _bins_of(connection: AsyncConnection, run_seq: int) -> dict[tuple[str, int], Bins]:
    found = await connection.execute(
        select(run_bins)
        .where(run_bins.c.run_seq == run_seq, run_bins.c.count > 0)
        .order_by(run_bins.c.kind, run_bins.c.criterion, run_bins.c.bin)
    )
    counts = defaultdict[tuple[str, int], list[tuple[float, int]]](list)
    for row in found:
        counts[row.kind, row.criterion].append((row.bin, row[4]))
    return {of: Bins(tuple(each)) for of, each in counts.items()}


async def _reasons_of(connection: AsyncConnection, run_seq: int) -> tuple[Reason, ...]:
    found = await connection.execute(
        select(run_reasons)
        .where(run_reasons.c.run_seq == run_seq, run_reasons.c.count > 0)
        .order_by(run_reasons.c.count.desc(), run_reasons.c.number)
        .limit(MOST_REASONS)
    )
    return tuple(_reason(row) for row in found)


def _reason(row: Row[*tuple[object, ...]]) -> Reason:
    each = row._mapping
    return Reason(each["key"], each["label"], each["status"], each["criterion"], each["count"])
