"""Transactions are whole: on an error nothing of them stays, and no cancel cuts one in the middle."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.store import evals as eval_store
from evald.store.database import READERS, Database, uninterrupted
from evald.store.tables import evals
from tests.store.records import count, fresh_id, new_eval, saved_eval

Work = Callable[[AsyncConnection], Awaitable[None]]


async def eval_count(database: Database) -> int:
    return await database.read(lambda connection: count(connection, evals))


def three_evals(begun: asyncio.Event | None = None, go_on: asyncio.Event | None = None) -> Work:
    """Give a work that adds three evals; it may wait after the first."""

    async def work(connection: AsyncConnection) -> None:
        await eval_store.insert_eval(connection, new_eval())
        if begun is not None and go_on is not None:
            begun.set()
            await go_on.wait()
        await eval_store.insert_eval(connection, new_eval())
        await eval_store.insert_eval(connection, new_eval())

    return work


async def canceled(task: asyncio.Task[None]) -> bool:
    """Wait for the end of a task, and say whether it was canceled."""
    await asyncio.wait([task])
    return task.cancelled()


class BrokeOff(Exception):
    """Something went wrong within a transaction."""


async def test_an_error_takes_back_all_that_was_written_before_it(database: Database) -> None:
    async def broken(connection: AsyncConnection) -> None:
        await three_evals()(connection)
        raise BrokeOff

    with pytest.raises(BrokeOff):
        await database.write(broken)

    assert await eval_count(database) == 0
    await database.write(three_evals())
    assert await eval_count(database) == 3


async def test_an_insert_of_what_others_took_is_done_again_and_the_first_is_taken_back(
    database: Database,
) -> None:
    taken = await saved_eval(database)
    ids = iter([taken.id, fresh_id("eval")])

    async def insert(connection: AsyncConnection) -> str:
        await eval_store.insert_eval(connection, new_eval())
        new = replace(new_eval(), id=next(ids))
        await eval_store.insert_eval(connection, new)
        return new.id

    assert await database.insert(insert) != taken.id
    assert await eval_count(database) == 3


async def test_an_insert_that_is_refused_each_time_is_an_error(database: Database) -> None:
    taken = await saved_eval(database)

    with pytest.raises(IntegrityError):
        await database.insert(lambda connection: eval_store.insert_eval(connection, taken))

    assert await eval_count(database) == 1


async def test_a_write_gives_what_its_work_gives(database: Database) -> None:
    async def work(connection: AsyncConnection) -> str:
        await eval_store.insert_eval(connection, new_eval())
        return "given"

    assert await database.write(work) == "given"


@pytest.mark.parametrize("steps", range(40))
async def test_a_write_that_is_cancelled_at_any_step_is_whole_or_not_at_all(
    database: Database, steps: int
) -> None:
    task = asyncio.create_task(database.write(three_evals()))
    for _ in range(steps):
        await asyncio.sleep(0)

    task.cancel()
    await asyncio.wait([task])

    assert await eval_count(database) in (0, 3)
    if not task.cancelled():
        assert await eval_count(database) == 3
    await saved_eval(database)
    assert await eval_count(database) in (1, 4)


@pytest.mark.parametrize("cancels", [1, 2, 5])
async def test_a_write_that_has_begun_is_finished_before_its_cancel_goes_on(
    database: Database, cancels: int
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(database.write(three_evals(begun, go_on)))
    await begun.wait()

    for _ in range(cancels):
        task.cancel()
        for _ in range(3):
            await asyncio.sleep(0)
    was_done = task.done()
    go_on.set()

    assert await canceled(task)
    assert not was_done
    assert await eval_count(database) == 3


@pytest.mark.parametrize("cancels", [1, 2, 5])
async def test_an_error_under_a_cancel_leaves_nothing_and_the_cancel_goes_on(
    database: Database, cancels: int
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def broken(connection: AsyncConnection) -> None:
        await three_evals(begun, go_on)(connection)
        raise BrokeOff

    task = asyncio.create_task(database.write(broken))
    await begun.wait()
    for _ in range(cancels):
        task.cancel()
        for _ in range(3):
            await asyncio.sleep(0)
    go_on.set()

    assert await canceled(task)
    assert await eval_count(database) == 0


async def test_a_write_that_waits_for_its_turn_and_is_cancelled_holds_up_nobody(
    database: Database,
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    first = asyncio.create_task(database.write(three_evals(begun, go_on)))
    await begun.wait()
    waiting = asyncio.create_task(database.write(three_evals()))
    for _ in range(5):
        await asyncio.sleep(0)

    waiting.cancel()
    go_on.set()
    await first

    assert await canceled(waiting)
    assert await eval_count(database) in (3, 6)
    await saved_eval(database)


async def test_a_read_that_is_cancelled_gives_its_connection_back(database: Database) -> None:
    for _ in range(3 * READERS):
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def slow(
            connection: AsyncConnection, begun: asyncio.Event = begun, go_on: asyncio.Event = go_on
        ) -> None:
            await count(connection, evals)
            begun.set()
            await go_on.wait()

        task = asyncio.create_task(database.read(slow))
        await begun.wait()
        task.cancel()
        go_on.set()
        assert await canceled(task)

    assert await eval_count(database) == 0


async def test_all_statements_of_a_read_see_the_same_moment(database: Database) -> None:
    async def read(connection: AsyncConnection) -> list[int]:
        before = await count(connection, evals)
        await saved_eval(database)
        return [before, await count(connection, evals)]

    assert await database.read(read) == [0, 0]
    assert await eval_count(database) == 1


async def test_nobody_sees_a_write_before_it_is_whole(database: Database) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(database.write(three_evals(begun, go_on)))
    await begun.wait()

    assert await eval_count(database) == 0

    go_on.set()
    await task
    assert await eval_count(database) == 3


async def test_work_that_is_not_cancelled_gives_its_result_or_its_error() -> None:
    async def fine() -> str:
        return "fine"

    async def broken() -> str:
        raise BrokeOff

    assert await uninterrupted(fine()) == "fine"
    with pytest.raises(BrokeOff):
        await uninterrupted(broken())
