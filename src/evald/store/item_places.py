"""Which items are on a page: asked for by a cursor, found in the order of the list."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.rules.item_cursor import ItemPlace
from evald.rules.item_query import ItemQuery
from evald.store.tables import output_items


@dataclass(frozen=True, slots=True)
class Asked:
    """Which page of which list."""

    query: ItemQuery
    place: ItemPlace | None
    """Where it begins, or where it ends; None for the first page."""
    is_backwards: bool
    limit: int

    @property
    def is_down(self) -> bool:
        """Say whether the largest numbers are read first."""
        return self.query.sort.is_descending != self.is_backwards


@dataclass(frozen=True, slots=True)
class FoundRun:
    """What is known of a run before its items are looked at."""

    id: str
    seq: int
    counts: dict[str, int]
    """By status."""
    is_indexed: bool
    """Whether the index has all items that it has now."""

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


@dataclass(frozen=True, slots=True)
class FoundPlaces:
    """The items of a page, and one more where more follow."""

    places: list[FoundPlace]
    is_cut: bool = False
    """Whether only the first ones by row of all that fit were sorted."""


async def plain_places(connection: AsyncConnection, run: FoundRun, asked: Asked) -> FoundPlaces:
    """Give the next places of a list by row, with a status or of all, from the items alone."""
    row, status = output_items.c.row_index, asked.query.status
    wanted = select(output_items.c.seq, row).where(output_items.c.run_id == run.id)
    if status is None:
        wanted = _next(wanted, asked)
    elif run.counts[status] ** 2 <= asked.limit * run.total:
        # Fewer have it than are passed over before a page is full: all of them are sorted.
        wanted = _next(wanted.where(output_items.c.status == status), asked, is_sorted=True)
    else:
        # Along the rows, passing over those that have it not.
        wanted = _next(wanted.where(func.coalesce(output_items.c.status, "") == status), asked)
    found = await connection.execute(wanted.limit(asked.limit + 1))
    return FoundPlaces([FoundPlace(each.seq, ItemPlace(0.0, each.row_index)) for each in found])


def _next(wanted: Select[Any], asked: Asked, *, is_sorted: bool = False) -> Select[Any]:
    """Give the rows behind or before the place, in the order of the list."""
    # A column that is computed is in no index, so that SQLite sorts.
    row = output_items.c.row_index + 0 if is_sorted else output_items.c.row_index
    if asked.place is not None:
        wanted = wanted.where(row < asked.place.row if asked.is_down else row > asked.place.row)
    return wanted.order_by(row.desc() if asked.is_down else row)
