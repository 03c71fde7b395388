"""The statements on output items. Their bodies are final JSON texts, answered as they were saved."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.errors import NotFound
from evald.rules.paging import PageRequest
from evald.rules.tally import Counted
from evald.rules.verdict import ItemStatus
from evald.store.pages import Page, page_of_rows
from evald.store.tables import output_items


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
