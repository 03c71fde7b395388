"""Reading one page of a list by its keys, so that page 1,000 costs what page 1 costs.

A page is limited in objects and in characters. One output item can be many megabytes, and so can the
rows that came with a run: a thousand of them are never held in memory at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import ColumnElement, Row, Select, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.rules.paging import PageRequest, unknown_after

Listed = TypeVar("Listed")

LONGEST_PAGE: Final = 32 * 1024 * 1024
"""Characters of text on one page, unless its first object alone has more."""
LENGTHS_AT_ONCE: Final = 100
"""Lengths that are asked for at a time: to know that of a text, SQLite reads it."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Listed]):
    """Some objects of a list, and whether there are more behind them.

    They can be fewer than were asked for while there are more, but not none.
    """

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
    texts: Sequence[ColumnElement[str]] = (),
    place_keys: Sequence[ColumnElement[Any]] | None = None,
) -> tuple[Sequence[Row[Any]], bool]:
    """Give the rows of one page and whether more follow.

    `keys` order the list and are unique together; `members` say what belongs to the list at all, so
    that an `after` from another list is refused. Filters beyond that stand in `rows`: an object may
    leave a filter between two pages, and its place still counts. `texts` are the columns that can be
    long; with LONGEST_PAGE characters in them a page is full. `place_keys` are the `keys` as the table
    of `id_column` has them, where the list itself is read from another one.
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
    ordered = rows.order_by(*[key.asc() if page.order == "asc" else key.desc() for key in keys])
    if not texts:
        fetched = (await connection.execute(ordered.limit(page.limit + 1))).all()
        return fetched[: page.limit], len(fetched) > page.limit
    number, more = await number_that_fit(connection, ordered, texts, page.limit)
    return (await connection.execute(ordered.limit(number))).all() if number else [], more


async def number_that_fit(
    connection: AsyncConnection,
    ordered: Select[Any],
    texts: Sequence[ColumnElement[str]],
    limit: int,
    longest: int | None = None,
) -> tuple[int, bool]:
    """Give how many of the rows fit on a page, by their lengths alone, and whether more follow.

    The first one fits, however long it is; `longest` is in characters, LONGEST_PAGE where it is None.
    """
    longest = LONGEST_PAGE if longest is None else longest
    length = sum((func.length(text) for text in texts[1:]), func.length(texts[0]))
    lengths = await connection.stream(ordered.with_only_columns(length).limit(limit + 1))
    number = characters = 0
    async for some in lengths.scalars().partitions(LENGTHS_AT_ONCE):
        for each in some:
            characters += each
            if number == limit or (number and characters > longest):
                await lengths.close()
                return number, True
            number += 1
    return number, False
