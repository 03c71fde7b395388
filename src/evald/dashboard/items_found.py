"""What the store has for the items part of a report: one page, what is beside it, the open item."""

from dataclasses import dataclass, replace
from typing import Final

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.json_types import JsonObject
from evald.contract.runs import Run
from evald.dashboard.items import ItemsPage
from evald.dashboard.items_query import ItemsAsked
from evald.dashboard.reading import count_of
from evald.errors import BadRequest
from evald.reports.parquet import is_installed
from evald.rules.item_cursor import ItemPlace, place_of
from evald.store.item_figures import RunFigures
from evald.store.item_plans import LARGEST_SET
from evald.store.item_search import FoundItems, find_items
from evald.store.output_items import get_item

ITEMS_A_PAGE: Final = 50


@dataclass(frozen=True)
class ItemsFound:
    """One page of output items, and the one that is open."""

    items: list[JsonObject]
    page: ItemsPage
    selected: JsonObject | None


async def items_found(
    connection: AsyncConnection, run: Run, asked: ItemsAsked, figures: RunFigures
) -> ItemsFound:
    """Read the page that is asked for. Raises NotFound for an open item that the run does not have."""
    asked = _with_known_place(asked)
    selected = await get_item(connection, run.id, asked.item) if asked.item else None
    found = await find_items(
        connection,
        run.id,
        asked.query,
        after=asked.after,
        before=asked.before,
        limit=ITEMS_A_PAGE,
    )
    page = _page(run, asked, found, figures)
    item: JsonObject | None = orjson.loads(selected) if selected else None
    if item is not None:
        row = count_of(item.get("datasource_item_id"))
        ids = [each for each, _ in found.items]
        page = await _with_neighbours(connection, run.id, page, ids, row)
    return ItemsFound([orjson.loads(body) for _, body in found.items], page, item)


def _with_known_place(asked: ItemsAsked) -> ItemsAsked:
    """Begin at the first page where the address names a place of another list, or none at all."""
    try:
        place_of(asked.before or asked.after or "", asked.query.sort)
    except BadRequest:
        return replace(asked, after=None, before=None)
    return asked


def _page(run: Run, asked: ItemsAsked, found: FoundItems, figures: RunFigures) -> ItemsPage:
    page = ItemsPage(
        shown=len(found.items),
        total=found.total,
        asked=asked,
        next_after=found.next_after,
        previous_before=found.previous_before,
        has_parquet=is_installed(),
    )
    if not asked.query.is_plain:
        reasons = {reason.key: reason.label for reason in figures.reasons}
        page = replace(
            page,
            searchable=figures.indexed if figures.indexed < run.counts.total else None,
            sorted_at_most=LARGEST_SET if found.is_cut else None,
            reason=reasons.get(asked.query.reason or "", ""),
        )
    return page


async def _with_neighbours(
    connection: AsyncConnection, run_id: str, page: ItemsPage, ids: list[str], row: int
) -> ItemsPage:
    """Look up the neighbours of the open item of a row that are not on the page themselves."""
    item, sort = page.asked.item, page.asked.query.sort
    before = page.previous_before if item in ids[:1] else None
    after = page.next_after if item in ids[-1:] else None
    if item not in ids and sort.key == "row":
        # Opened by its address alone. In a list by row its place is known all the same.
        before = after = ItemPlace(0, row).as_text(sort)
    return replace(
        page,
        item_before=await _neighbour(connection, run_id, page.asked, before=before),
        item_after=await _neighbour(connection, run_id, page.asked, after=after),
    )


async def _neighbour(
    connection: AsyncConnection,
    run_id: str,
    asked: ItemsAsked,
    *,
    after: str | None = None,
    before: str | None = None,
) -> ItemsAsked | None:
    """Give the page at a cursor with its item next to the cursor open; None without one."""
    if after is None and before is None:
        return None
    found = await find_items(connection, run_id, asked.query, after=after, before=before, limit=1)
    start = asked.at_start(asked.query)
    return next(
        (replace(start, after=after, before=before, item=each) for each, _ in found.items), None
    )
