"""The loop that keeps the index: it follows a run by itself, and ends when it is told to."""

import asyncio

from sqlalchemy import update

from evald.indexing.indexing import indexing
from evald.indexing.reading import read_items
from evald.rules import item_facts as rules
from evald.rules.item_query import ItemQuery
from evald.store import item_pending
from evald.store.database import Database
from evald.store.index_tables import item_index
from evald.store.item_indexing import add_to_index
from evald.store.item_pending import begin_index, next_batch
from evald.store.item_search import find_items
from evald.store.output_items import delete_errored
from tests.store.indexing import Made, indexed, made_item
from tests.store.records import Started, started_run
from tests.store.test_item_figures import PASSED, figures, recount, save


async def found_by(database: Database, run: Started, text: str) -> int:
    found = await database.read(
        lambda connection: find_items(
            connection, run.run_id, ItemQuery(text=text), after=None, before=None, limit=100
        )
    )
    return len(found.items)


async def test_what_is_saved_is_soon_found_and_the_loop_ends_with_its_block(
    database: Database,
) -> None:
    run = await started_run(database, rows=80)
    # More at once than a thread of the server reads.
    items = [made_item(Made(row, PASSED, said="urgent refund")) for row in range(80)]

    async with indexing(database):
        await save(database, run, items)
        async with asyncio.timeout(30):
            while await found_by(database, run, "urgent ref") < 80:
                await asyncio.sleep(0.02)  # a poll

    assert [task for task in asyncio.all_tasks() if task.get_name() == "indexing"] == []
    assert await figures(database, run) == await recount(database, run)


async def test_what_was_read_before_items_were_removed_does_not_get_into_the_index(
    database: Database,
) -> None:
    run = await started_run(database)
    await save(
        database, run, [made_item(Made(0, PASSED, error="gone")), made_item(Made(1, PASSED))]
    )
    (behind,) = await database.read(item_pending.all_behind)
    await database.write(lambda connection: begin_index(connection, behind))
    batch = await database.read(lambda connection: next_batch(connection, behind, 10))
    assert batch is not None
    facts = read_items(behind.seq, batch.testing_criteria, batch.items)

    await database.write(lambda connection: delete_errored(connection, run.run_id))

    assert not await database.write(lambda connection: add_to_index(connection, batch, facts))
    await indexed(database)
    assert (await figures(database, run)).indexed == 1


async def test_an_index_of_an_older_version_is_made_anew(database: Database) -> None:
    run = await started_run(database)
    await save(database, run, [made_item(Made(0, PASSED))])
    await indexed(database)
    older = update(item_index).values(version=rules.VERSION - 1, indexed=7)
    await database.write(lambda connection: connection.execute(older))

    await indexed(database)

    assert await figures(database, run) == await recount(database, run)
