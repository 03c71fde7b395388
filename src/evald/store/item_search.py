"""Pages of a run's output items: any filter, any order, at a cost that hardly grows with the run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.rules.item_cursor import ItemPlace, place_of
from evald.rules.item_query import ItemQuery, Sort
from evald.store.index_tables import run_reasons
from evald.store.pages import LONGEST_PAGE
from evald.store.tables import output_items, run_criteria, runs

SORTED_AT_MOST: Final = 2000
"""Items that are sorted for a page, where another order would have to be walked along."""


@dataclass(frozen=True, slots=True)
class FoundItems:
    """One page of items."""

    items: tuple[tuple[str, str], ...]
    """Each its id and its JSON text. They can be fewer than were asked for while there are more."""
    next_after: str | None
    """The cursor `after` which the next page begins, or None where there is none."""
    previous_before: str | None
    """The cursor `before` which the previous page ends, or None where there is none."""
    total: int | None
    """How many items fit, where that is kept."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which page of which list."""

    query: ItemQuery
    place: ItemPlace | None
    """Where it begins, or where it ends; None for the first page."""
    is_backwards: bool
    limit: int


@dataclass(frozen=True, slots=True)
class FoundRun:
    """What is known of a run before its items are looked at."""

    id: str
    seq: int
    counts: dict[str, int]
    """By status."""

    @property
    def total(self) -> int:
        """How many items it has."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class FoundPlace:
    """An item on a page that is still to be read."""

    seq: int
    """Its number in the order of saving."""
    place: ItemPlace


async def find_items(
    connection: AsyncConnection,
    run_id: str,
    query: ItemQuery,
    *,
    after: str | None,
    before: str | None,
    limit: int,
) -> FoundItems:
    """Give one page of the output items of a run that are as the query says.

    The page lies behind the place `after`, or ends at `before`: cursors that this function gave. A
    query that is plain is answered from the output items themselves; any other sees the items that
    the index has by now. Raises BadRequest on a cursor that is none.
    """
    cursor = before or after
    place = place_of(cursor, query.sort) if cursor else None
    asked = Asked(query, place, is_backwards=bool(before), limit=limit)
    run = await _run_of(connection, run_id)
    if run is None:
        return FoundItems((), None, None, None)
    places = await _plain_places(connection, run, asked) if query.is_plain else []
    items, found, has_more = await _read(connection, places, asked)
    return FoundItems(
        items,
        _cursor(found[-1:], query.sort, there=has_more or asked.is_backwards),
        _cursor(found[:1], query.sort, there=has_more if asked.is_backwards else bool(after)),
        await _total(connection, run, query),
    )


def _cursor(found: Sequence[FoundPlace], sort: Sort, *, there: bool) -> str | None:
    return found[0].place.as_text(sort) if found and there else None


async def _run_of(connection: AsyncConnection, run_id: str) -> FoundRun | None:
    found = await connection.execute(
        select(runs.c.seq, runs.c.passed, runs.c.failed, runs.c.errored).where(runs.c.id == run_id)
    )
    row = found.one_or_none()
    if row is None:
        return None
    counts = {"pass": row.passed, "fail": row.failed, "error": row.errored}
    return FoundRun(run_id, row.seq, counts)


async def _read(
    connection: AsyncConnection, places: Sequence[FoundPlace], asked: Asked
) -> tuple[tuple[tuple[str, str], ...], list[FoundPlace], bool]:
    """Read as many of these items as fit on a page, turned round if they were found backwards.

    Give also where they stand, and whether more were found.
    """
    fitting = await _that_fit(connection, places[: asked.limit])
    found = await connection.execute(
        select(output_items.c.seq, output_items.c.id, output_items.c.body).where(
            output_items.c.seq.in_([each.seq for each in fitting])
        )
    )
    read = {row.seq: (row.id, row.body) for row in found}
    there = [each for each in fitting if each.seq in read]
    has_more = len(places) > len(fitting)
    if asked.is_backwards:
        there.reverse()
    return tuple(read[each.seq] for each in there), there, has_more


async def _that_fit(
    connection: AsyncConnection, places: Sequence[FoundPlace]
) -> Sequence[FoundPlace]:
    """Give the first ones, as many as have LONGEST_PAGE characters together, but one at least."""
    found = await connection.execute(
        select(output_items.c.seq, func.length(output_items.c.body).label("length")).where(
            output_items.c.seq.in_([each.seq for each in places])
        )
    )
    lengths = {row.seq: row.length for row in found}
    characters = 0
    for number, each in enumerate(places):
        characters += lengths.get(each.seq, 0)
        if number and characters > LONGEST_PAGE:
            return places[:number]
    return places


async def _plain_places(
    connection: AsyncConnection, run: FoundRun, asked: Asked
) -> list[FoundPlace]:
    row, status = output_items.c.row_index, asked.query.status
    wanted = select(output_items.c.seq, row).where(output_items.c.run_id == run.id)
    if status is None:
        wanted = _next(wanted, asked)
    elif run.counts[status] <= SORTED_AT_MOST:
        # The index of the statuses gives them, and they are sorted.
        wanted = _next(wanted.where(output_items.c.status == status), asked, is_sorted=True)
    else:
        # Along the rows: nearly every one has it, or few are passed over until one has.
        wanted = _next(wanted.where(func.coalesce(output_items.c.status, "") == status), asked)
    found = await connection.execute(wanted.limit(asked.limit + 1))
    return [FoundPlace(each.seq, ItemPlace(0.0, each.row_index)) for each in found]


def _next(wanted: Select[Any], asked: Asked, *, is_sorted: bool = False) -> Select[Any]:
    """Give the rows behind or before the place, in the order of the list."""
    # A column that is computed is in no index, so that SQLite sorts.
    row = output_items.c.row_index + 0 if is_sorted else output_items.c.row_index
    is_down = asked.query.sort.is_descending != asked.is_backwards
    if asked.place is not None:
        wanted = wanted.where(row < asked.place.row if is_down else row > asked.place.row)
    return wanted.order_by(row.desc() if is_down else row)


async def _total(connection: AsyncConnection, run: FoundRun, query: ItemQuery) -> int | None:
    """Give how many items fit, if that is kept: a list sorted by a number lacks those without one."""
    query = replace(query, sort=replace(query.sort, is_descending=False))
    if query == ItemQuery():
        return run.total
    if query.status is not None and query.is_plain:
        return run.counts[query.status]
    if len(query.verdicts) == 1 and query == ItemQuery(verdicts=query.verdicts):
        ((criterion, outcome),) = query.verdicts
        count = select(run_criteria.c[outcome]).where(
            run_criteria.c.run_id == run.id, run_criteria.c.position == criterion
        )
    elif query == ItemQuery(reason=query.reason):
        count = select(run_reasons.c["count"]).where(
            run_reasons.c.run_seq == run.seq, run_reasons.c.key == query.reason
        )
    else:
        return None
    return (await connection.execute(count)).scalar_one_or_none() or 0
