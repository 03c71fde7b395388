"""Pages of a run's items by row and status, from the items alone."""

import random

import pytest

from evald.errors import BadRequest
from evald.rules.item_query import ItemQuery, Sort
from evald.store.database import Database
from evald.store.item_figures import RunFigures, figures_of
from evald.store.item_search import FoundItems, find_items
from evald.store.output_items import NewItem
from tests.store.records import Started, new_item, save_items, started_run

FAILED = ("failed", "passed")


async def saved_items(database: Database) -> tuple[Started, list[NewItem]]:
    """Give a run and its twelve items by row, saved in another order. Every third one failed."""
    run = await started_run(database, rows=12)
    items = [new_item(row, *(FAILED if row % 3 == 0 else ())) for row in range(12)]
    shuffled = random.Random(7).sample(items, len(items))
    await database.write(lambda connection: save_items(connection, run, shuffled))
    return run, items


async def page(database: Database, run: Started, query: ItemQuery, **place: str) -> FoundItems:
    return await database.read(
        lambda connection: find_items(
            connection,
            run.run_id,
            query,
            after=place.get("after"),
            before=place.get("before"),
            limit=5,
        )
    )


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("status", [None, "fail", "pass"])
async def test_pages_go_through_all_items_by_row_and_back(
    database: Database, status: str | None, down: bool
) -> None:
    run, items = await saved_items(database)
    query = ItemQuery(status=status, sort=Sort(is_descending=down))  # type: ignore[arg-type]

    pages = [await page(database, run, query)]
    while pages[-1].next_after:
        pages.append(await page(database, run, query, after=pages[-1].next_after))
    back = [pages[-1]]
    while back[0].previous_before:
        back.insert(0, await page(database, run, query, before=back[0].previous_before))

    fitting = [item for item in items if status in (None, item.counted.status)]
    wanted = [(item.id, item.body) for item in (reversed(fitting) if down else fitting)]
    assert [each for found in pages for each in found.items] == wanted
    assert [each for found in back for each in found.items] == wanted
    assert {found.total for found in pages} == {len(fitting)}
    assert pages[0].previous_before is None


async def test_a_cursor_of_another_list_is_refused(database: Database) -> None:
    run, _ = await saved_items(database)

    with pytest.raises(BadRequest, match="no place"):
        await page(database, run, ItemQuery(), after="latency~1.0~7")


async def test_what_is_not_there_has_no_items_and_no_figures(database: Database) -> None:
    run = Started("eval_gone", "evalrun_gone", "")

    assert await page(database, run, ItemQuery()) == FoundItems((), None, None, None)
    assert await database.read(lambda c: figures_of(c, run.run_id)) == RunFigures()
