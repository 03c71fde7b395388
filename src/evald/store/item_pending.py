"""The statements that find what the index behind the items table lacks, and read it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Executable, Select, bindparam, exists, func, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.rules.item_facts import VERSION
from evald.rules.verdict import ItemStatus
from evald.store.index_tables import item_index
from evald.store.output_items import LONGEST_STRETCH
from evald.store.pages import number_that_fit
from evald.store.tables import evals, output_items, runs


@dataclass(frozen=True, slots=True)
class Look:
    """What there may be to do."""

    newest: int
    """The last output item in the order of saving."""
    is_busy: bool
    """Whether a run is in progress."""
    orphan: int | None
    """An index whose run is deleted, or which is to be made anew."""


@dataclass(frozen=True, slots=True)
class IndexedRun:
    """A run whose index is not what it should be."""

    id: str
    seq: int


@dataclass(frozen=True, slots=True)
class UnreadItem:
    """An output item that the index lacks."""

    seq: int
    row: int
    status: ItemStatus
    body: str


@dataclass(frozen=True, slots=True)
class Batch:
    """The next items of a run for its index, and how far that was when they were read."""

    run: IndexedRun
    indexed_to: int
    gone_to: int
    removals: int
    testing_criteria: str
    """Those of the eval, a JSON text."""
    items: tuple[UnreadItem, ...]


async def look(connection: AsyncConnection) -> Look:
    """See whether there is something to do, at next to no cost."""
    row = (await connection.execute(_LOOK)).one()
    return Look(row.newest or 0, bool(row.is_busy), row.orphan)


_LOOK = select(
    select(func.max(output_items.c.seq)).scalar_subquery().label("newest"),
    exists().where(runs.c.status == "in_progress").label("is_busy"),
    select(item_index.c.run_seq)
    .where(item_index.c.run_id.is_(None))
    .limit(1)
    .scalar_subquery()
    .label("orphan"),
)


def _behind() -> Select[Any]:
    """Give the runs whose index is behind their items, the newest first."""
    newest = (
        select(func.max(output_items.c.seq))
        .where(output_items.c.run_id == runs.c.id)
        .scalar_subquery()
    )
    return (
        select(runs.c.id, runs.c.seq)
        .select_from(runs)
        .outerjoin(item_index, item_index.c.run_id == runs.c.id)
        .where(
            or_(
                item_index.c.gone_to > 0,
                item_index.c.version != VERSION,
                newest > func.coalesce(item_index.c.indexed_to, 0),
            )
        )
        .order_by(runs.c.seq.desc())
    )


_IN_PROGRESS = select(runs.c.id).where(runs.c.status == "in_progress")
_NEWEST = select(output_items.c.run_id).order_by(output_items.c.seq.desc()).limit(1)


async def active_behind(connection: AsyncConnection) -> list[IndexedRun]:
    """Give those runs behind that are in progress or had the last item of all, the newest first."""
    active = _IN_PROGRESS.union_all(select(_NEWEST.subquery()))
    found = await connection.execute(_behind().where(runs.c.id.in_(active)).limit(100))
    return [IndexedRun(row.id, row.seq) for row in found]


async def all_behind(connection: AsyncConnection) -> list[IndexedRun]:
    """Give runs behind, the newest first. It looks at all there are."""
    found = await connection.execute(_behind().limit(1000))
    return [IndexedRun(row.id, row.seq) for row in found]


async def begin_index(connection: AsyncConnection, run: IndexedRun) -> None:
    """Begin the index of a run, unless it is there. One of another version is given up."""
    stale = update(item_index).where(item_index.c.run_id == run.id, item_index.c.version != VERSION)
    if not (await connection.execute(stale.values(run_id=None))).rowcount:
        await connection.execute(_BEGIN[connection.dialect.name], {"of_run": run.id})


def _begin(dialect: Any) -> Executable:
    # Only if the run is still there.
    there = select(runs.c.seq, runs.c.id, literal(VERSION)).where(runs.c.id == bindparam("of_run"))
    new = dialect.insert(item_index).from_select(["run_seq", "run_id", "version"], there)
    begun: Executable = new.on_conflict_do_nothing()
    return begun


_BEGIN = {"sqlite": _begin(sqlite), "postgresql": _begin(postgresql)}


async def next_batch(connection: AsyncConnection, run: IndexedRun, limit: int) -> Batch | None:
    """Give the next items of a run that its index lacks, or None where that is not begun.

    They are at most `limit`, and fewer where they are long; none only at the end.
    """
    found = await connection.execute(
        select(item_index, evals.c.testing_criteria)
        .join(runs, runs.c.id == item_index.c.run_id)
        .join(evals, evals.c.id == runs.c.eval_id)
        .where(item_index.c.run_id == run.id, item_index.c.version == VERSION)
    )
    index = found.one_or_none()
    if index is None:
        return None
    wanted = (
        select(
            output_items.c.seq,
            output_items.c.row_index,
            output_items.c.status,
            output_items.c.body,
        )
        .where(output_items.c.run_id == run.id, output_items.c.seq > index.indexed_to)
        .order_by(output_items.c.seq)
    )
    number, _ = await number_that_fit(
        connection, wanted, [output_items.c.body], limit, LONGEST_STRETCH
    )
    rows = (await connection.execute(wanted.limit(number))).all() if number else []
    return Batch(
        run,
        index.indexed_to,
        index.gone_to,
        index.removals,
        index.testing_criteria,
        tuple(UnreadItem(row.seq, row.row_index, row.status, row.body) for row in rows),
    )
