"""The statements on output items. Their bodies are final JSON texts, answered as they were saved."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.errors import NotFound
from evald.rules.paging import PageRequest
from evald.rules.tally import Counted
from evald.rules.verdict import ItemStatus
from evald.store.index_tables import item_index
from evald.store.pages import LONGEST_PAGE, Page, number_that_fit, page_of_rows
from evald.store.tables import output_items

LONGEST_STRETCH: Final = 2 * 1024 * 1024
"""Characters of a run's items that are read at a time, unless one alone has more."""


@dataclass(frozen=True, slots=True)
class NewItem:
    """An output item that is about to be saved."""

    id: str
    row_index: int
    body: str
    counted: Counted
    error_message: str | None
    """Why its sampling or its first broken grader failed, cut to a length fit for a table."""


async def insert_items(connection: AsyncConnection, run_id: str, items: Sequence[NewItem]) -> None:
    """Add output items. The database refuses a second item for a row."""
    await connection.execute(
        insert(output_items),
        [
            {
                "id": item.id,
                "run_id": run_id,
                "row_index": item.row_index,
                "status": item.counted.status,
                "error_message": item.error_message,
                "body": item.body,
            }
            for item in items
        ],
    )


async def ids_there(connection: AsyncConnection, ids: Sequence[str]) -> set[str]:
    """Give those of these ids that are of saved output items."""
    found = await connection.execute(select(output_items.c.id).where(output_items.c.id.in_(ids)))
    return set(found.scalars())


async def get_item(connection: AsyncConnection, run_id: str, item_id: str) -> str:
    """Give the JSON text of an output item of this run. Raises NotFound."""
    found = await connection.execute(
        select(output_items.c.body).where(
            output_items.c.id == item_id, output_items.c.run_id == run_id
        )
    )
    body: str | None = found.scalar_one_or_none()
    if body is None:
        raise NotFound(
            f"No output item found with id '{item_id[:80]}' in run '{run_id}'.",
            param="output_item_id",
        )
    return body


async def list_items(
    connection: AsyncConnection,
    run_id: str,
    page: PageRequest,
    *,
    status: ItemStatus | None,
    by_row: bool = False,
) -> Page[tuple[str, str]]:
    """Give one page of a run's output items, each as id and JSON text.

    They come in the order of saving, which never changes while a run goes on (contract section 9,
    24), or by row number if `by_row` is set.
    """
    rows = select(output_items.c.id, output_items.c.body)
    if status is not None:
        rows = rows.where(output_items.c.status == status)
    key: ColumnElement[Any] = output_items.c.row_index if by_row else output_items.c.seq
    found, more = await page_of_rows(
        connection,
        rows,
        [key],
        page,
        id_column=output_items.c.id,
        members=[output_items.c.run_id == run_id],
        texts=[output_items.c.body],
    )
    return Page(tuple((row.id, row.body) for row in found), more)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The output items of a run that were saved at one moment.

    An item never changes, so that they can be read bit by bit; what is saved later is not among them.
    """

    run_id: str
    last: int
    """The number in the order of saving that none of them exceeds."""
    status: ItemStatus | None
    """The status that they have, or None for any."""


async def count_items(connection: AsyncConnection, run_id: str) -> int:
    """Give the number of output items that a run has now. Of a million it takes some 0.1 s."""
    found = await connection.execute(select(func.count()).where(output_items.c.run_id == run_id))
    return found.scalar_one()


async def snapshot_of(
    connection: AsyncConnection, run_id: str, status: ItemStatus | None
) -> Snapshot:
    """Give the output items that a run has now."""
    found = await connection.execute(
        select(func.max(output_items.c.seq)).where(output_items.c.run_id == run_id)
    )
    return Snapshot(run_id, found.scalar_one() or 0, status)


async def items_behind(
    connection: AsyncConnection, snapshot: Snapshot, row: int, limit: int
) -> list[tuple[int, str]]:
    """Give the next items of a snapshot behind a row number, by row: each as its number and JSON text.

    They are at most `limit`, and fewer where they are long; none only at its end.
    """
    # Beyond row_index the conditions are no plain columns: SQLite is to go by the order of the rows, and
    # not by an index of theirs, from which it would sort all that is left for each page.
    wanted = (
        select(output_items.c.row_index, output_items.c.body)
        .where(output_items.c.run_id == snapshot.run_id, output_items.c.row_index > row)
        .where(output_items.c.seq + 0 <= snapshot.last)
        .order_by(output_items.c.row_index)
    )
    if snapshot.status is not None:
        wanted = wanted.where(func.coalesce(output_items.c.status, "") == snapshot.status)
    number, _ = await number_that_fit(
        connection, wanted, [output_items.c.body], limit, LONGEST_STRETCH
    )
    found = await connection.execute(wanted.limit(number))
    return [(each.row_index, each.body) for each in found]


@dataclass(frozen=True, slots=True)
class ItemFact:
    """What an output item is, without its text."""

    id: str
    status: ItemStatus


async def facts_of_rows(
    connection: AsyncConnection, run_id: str, rows: Sequence[int]
) -> dict[int, ItemFact]:
    """Give the output items of some rows of a run, by their row numbers."""
    found = await connection.execute(
        select(output_items.c.row_index, output_items.c.id, output_items.c.status).where(
            output_items.c.run_id == run_id, output_items.c.row_index.in_(rows)
        )
    )
    return {each.row_index: ItemFact(each.id, each.status) for each in found}


async def bodies_of_rows(
    connection: AsyncConnection, run_id: str, rows: Sequence[int], longest: int = LONGEST_PAGE
) -> dict[int, str]:
    """Give the JSON texts of the output items of some rows of a run, by their row numbers.

    With `longest` characters there are enough: the texts of the rows behind are left out.
    """
    of_rows = (output_items.c.run_id == run_id, output_items.c.row_index.in_(rows))
    lengths = await connection.execute(
        select(output_items.c.row_index, func.length(output_items.c.body).label("length")).where(
            *of_rows
        )
    )
    length_of = {each.row_index: each.length for each in lengths}
    wanted, characters = [], 0
    for row in rows:
        characters += length_of.get(row, 0)
        if characters <= longest:
            wanted.append(row)
    found = await connection.execute(
        select(output_items.c.row_index, output_items.c.body).where(
            output_items.c.run_id == run_id, output_items.c.row_index.in_(wanted)
        )
    )
    return {each.row_index: each.body for each in found}


async def errored_behind(
    connection: AsyncConnection, run_id: str, seq: int, limit: int
) -> list[tuple[int, str]]:
    """Give the next errored items of a run behind a place in the order of saving.

    Each is its place and its JSON text. They are at most `limit`, and fewer where they are long.
    """
    wanted = (
        select(output_items.c.seq, output_items.c.body)
        .where(
            output_items.c.run_id == run_id,
            output_items.c.status == "error",
            output_items.c.seq > seq,
        )
        .order_by(output_items.c.seq)
    )
    number, _ = await number_that_fit(
        connection, wanted, [output_items.c.body], limit, LONGEST_STRETCH
    )
    found = await connection.execute(wanted.limit(number)) if number else ()
    return [(each.seq, each.body) for each in found]


async def delete_errored(connection: AsyncConnection, run_id: str) -> int:
    """Remove the errored items of a run, and give their number. They leave the index soon after."""
    await connection.execute(
        update(item_index)
        .where(item_index.c.run_id == run_id)
        .values(gone_to=item_index.c.indexed_to, removals=item_index.c.removals + 1)
    )
    removed = await connection.execute(
        delete(output_items).where(
            output_items.c.run_id == run_id, output_items.c.status == "error"
        )
    )
    return removed.rowcount


async def most_common_errors(
    connection: AsyncConnection, run_id: str, limit: int
) -> list[tuple[str, int]]:
    """Give the error messages of a run with how often each occurred, the most frequent first."""
    number = func.count().label("number")
    found = await connection.execute(
        select(output_items.c.error_message, number)
        .where(output_items.c.run_id == run_id, output_items.c.error_message.is_not(None))
        .group_by(output_items.c.error_message)
        .order_by(number.desc(), output_items.c.error_message)
        .limit(limit)
    )
    return [(row.error_message, row.number) for row in found]
