"""Reading one page of a list by its keys, so that page 1,000 costs what page 1 costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Row, Select, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.rules.paging import PageRequest, unknown_after

Listed = TypeVar("Listed")


@dataclass(frozen=True, slots=True)
class Page(Generic[Listed]):
    """Some objects of a list, and whether there are more behind them."""

    objects: tuple[Listed, ...]
    has_more: bool


async def page_of_rows(
    connection: AsyncConnection,
    rows: Select[Any],
    keys: Sequence[ColumnElement[Any]],
    page: PageRequest,
    *,
    id_column: ColumnElement[str],
    members: Sequence[ColumnElement[bool]] = (),
    place_keys: Sequence[ColumnElement[Any]] | None = None,
) -> tuple[Sequence[Row[Any]], bool]:
    """Give the rows of one page and whether more follow.

    `keys` order the list and are unique together; `members` say what belongs to the list at all, so
    that an `after` from another list is refused. Filters beyond that stand in `rows`: an object may
    leave a filter between two pages, and its place still counts. `place_keys` are the `keys` as the
    table of `id_column` has them, where the list itself is read from another one.
    Raises BadRequest when `after` is no id of this list.
    """
    for condition in members:
        rows = rows.where(condition)
    if page.after is not None:
        found = await connection.execute(
            select(*(place_keys or keys)).where(id_column == page.after, *members)
        )
        place = found.one_or_none()
        if place is None:
            raise unknown_after(page.after)
        here, there = tuple_(*keys), tuple_(*place)
        rows = rows.where(here > there if page.order == "asc" else here < there)
    ordered = [key.asc() if page.order == "asc" else key.desc() for key in keys]
    fetched = (await connection.execute(rows.order_by(*ordered).limit(page.limit + 1))).all()
    return fetched[: page.limit], len(fetched) > page.limit
