"""Pages of a run's output items: any filter, any order, at a cost that hardly grows with the run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.rules.item_cursor import place_of
from evald.rules.item_query import ItemQuery, Sort
from evald.store.index_tables import item_index, run_reasons
from evald.store.item_places import Asked, FoundPlace, FoundRun, plain_places
from evald.store.item_plans import indexed_places
from evald.store.pages import LONGEST_PAGE
from evald.store.tables import output_items, run_criteria, runs


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
    is_cut: bool = False
    """Whether so many were found that only the first ones by row are sorted, and the others left out."""


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
    # Beside the items of a status all others are passed over, unless the index knows where they are.
    is_plain = query.is_plain and (query.status is None or not run.is_indexed)
    find_places = plain_places if is_plain else indexed_places
    found_places = await find_places(connection, run, asked)
    items, found, has_more = await _read(connection, found_places.places, asked)
    return FoundItems(
        items,
        _cursor(found[-1:], query.sort, there=has_more or asked.is_backwards),
        _cursor(found[:1], query.sort, there=has_more if asked.is_backwards else bool(after)),
        await _total(connection, run, query),
        found_places.is_cut,
    )


def _cursor(found: Sequence[FoundPlace], sort: Sort, *, there: bool) -> str | None:
    return found[0].place.as_text(sort) if found and there else None


async def _run_of(connection: AsyncConnection, run_id: str) -> FoundRun | None:
    newest = select(func.max(output_items.c.seq)).where(output_items.c.run_id == run_id)
    is_indexed = and_(
        item_index.c.gone_to == 0, item_index.c.indexed_to >= newest.scalar_subquery()
    )
    found = await connection.execute(
        select(runs.c.seq, runs.c.passed, runs.c.failed, runs.c.errored, is_indexed.label("is"))
        .outerjoin(item_index, item_index.c.run_id == runs.c.id)
        .where(runs.c.id == run_id)
    )
    row = found.one_or_none()
    if row is None:
        return None
    counts = {"pass": row.passed, "fail": row.failed, "error": row.errored}
    return FoundRun(run_id, row.seq, counts, bool(row[-1]))


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
