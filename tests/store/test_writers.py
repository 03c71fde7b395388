"""Many writers queue; none fails because another writes."""

import asyncio
from functools import partial

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.counts import ResultCounts
from evald.contract.projects import DEFAULT_PROJECT
from evald.errors import RunStopped
from evald.store import evals as eval_store
from evald.store import runs as run_store
from evald.store.database import Database, open_database
from evald.store.tables import evals
from tests.store.records import (
    Started,
    count,
    new_eval,
    new_item,
    save_items,
    saved_eval,
    started_run,
)

WRITERS = 40


async def counted(database: Database, run: Started) -> ResultCounts:
    found = await database.read(
        lambda connection: run_store.get_run(connection, DEFAULT_PROJECT, run.eval_id, run.run_id)
    )
    return found.counts


async def test_many_saves_at_once_are_all_counted(database: Database) -> None:
    run = await started_run(database, WRITERS)
    saves = [partial(save_items, run=run, items=[new_item(row)]) for row in range(WRITERS)]

    await asyncio.gather(*(database.write(save) for save in saves))

    assert await counted(database, run) == ResultCounts(passed=WRITERS)


async def test_one_row_saved_by_many_at_once_is_counted_once(database: Database) -> None:
    run = await started_run(database)
    saves = [partial(save_items, run=run, items=[new_item(0)]) for _ in range(WRITERS)]

    ends = await asyncio.gather(*(database.write(save) for save in saves), return_exceptions=True)

    assert sum(end is None for end in ends) == 1
    assert await counted(database, run) == ResultCounts(passed=1)


async def test_saves_and_a_cancel_at_once_leave_counts_that_equal_the_rows(
    database: Database,
) -> None:
    run = await started_run(database, WRITERS)
    works = [
        database.write(partial(save_items, run=run, items=[new_item(row)]))
        for row in range(WRITERS)
    ]
    cancel = database.write(lambda connection: run_store.move(connection, run.run_id, "cancel"))

    ends = await asyncio.gather(
        *works[: WRITERS // 2], cancel, *works[WRITERS // 2 :], return_exceptions=True
    )

    refused = sum(isinstance(end, RunStopped) for end in ends)
    assert sum(end is None for end in ends) + refused == WRITERS
    assert await counted(database, run) == ResultCounts(passed=WRITERS - refused)


async def test_reads_go_on_while_a_write_takes_long(database: Database) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(connection: AsyncConnection) -> None:
        await eval_store.insert_eval(connection, new_eval())
        begun.set()
        await go_on.wait()

    writing = asyncio.create_task(database.write(slow))
    await begun.wait()

    seen = await asyncio.gather(
        *(database.read(lambda connection: count(connection, evals)) for _ in range(WRITERS))
    )

    assert seen == [0] * WRITERS
    go_on.set()
    await writing


async def test_a_second_process_sees_nothing_of_a_write_before_its_end(
    database: Database, database_url: str
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    second = open_database(database_url)

    async def slow(connection: AsyncConnection) -> None:
        await eval_store.insert_eval(connection, new_eval())
        begun.set()
        await go_on.wait()

    first = asyncio.create_task(database.write(slow))
    await begun.wait()
    seen_meanwhile = await second.read(lambda connection: count(connection, evals))
    waiting = asyncio.create_task(saved_eval(second))  # ends before the first, or after it
    go_on.set()
    await asyncio.gather(first, waiting)

    assert seen_meanwhile == 0
    assert await second.read(lambda connection: count(connection, evals)) == 2
    await second.close()


async def test_two_processes_that_write_at_once_lose_nothing(
    database: Database, database_url: str
) -> None:
    run = await started_run(database, WRITERS)
    second = open_database(database_url)
    works = [
        (database if row % 2 else second).write(partial(save_items, run=run, items=[new_item(row)]))
        for row in range(WRITERS)
    ]

    await asyncio.gather(*works)

    assert await counted(second, run) == ResultCounts(passed=WRITERS)
    await second.close()


@pytest.mark.parametrize("what", ["read", "write"])
async def test_a_database_that_is_closed_can_be_opened_again_with_all_its_data(
    database: Database, database_url: str, what: str
) -> None:
    saved = await saved_eval(database)
    await database.close()
    again = open_database(database_url)

    access = again.read if what == "read" else again.write

    assert (
        await access(lambda connection: eval_store.get_eval(connection, DEFAULT_PROJECT, saved.id))
        == saved
    )
    await again.close()
