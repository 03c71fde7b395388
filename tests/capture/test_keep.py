"""Completions kept many at a time: each is saved, whatever becomes of whoever waits for it."""

import asyncio
from functools import partial
from typing import Any

import orjson
import pytest

from evald.capture.keep import Keeper, ToKeep
from evald.capture.kinds import COMPLETIONS
from evald.contract.projects import DEFAULT_PROJECT
from evald.contract.stored_completions import CompletionFilter, StoredCompletion
from evald.rules.paging import PageRequest
from evald.store import stored_completions as completion_store
from evald.store.database import Database

CHOICES: Any = [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}]


async def keep(
    keeper: Keeper[StoredCompletion], number: int, completion_id: str | None = None
) -> None:
    answer: Any = {"id": completion_id or f"chatcmpl-{number}", "choices": CHOICES}
    await keeper.keep(
        ToKeep(DEFAULT_PROJECT, {"model": "m"}, {"n": f"{number}"}, f"req_{number}"), answer
    )


async def kept(database: Database) -> dict[str, str]:
    """Give the id of each completion by its number."""
    page = PageRequest(None, 1000, "asc")
    found = await database.read(
        partial(
            completion_store.list_completions, page=page, wanted=CompletionFilter(DEFAULT_PROJECT)
        )
    )
    bodies = [orjson.loads(body) for _, body in found.objects]
    return {body["metadata"]["n"]: body["id"] for body in bodies}


async def test_all_that_come_at_once_are_kept(database: Database) -> None:
    keeper = Keeper(COMPLETIONS, database, lambda: 5.0)

    await asyncio.gather(*(keep(keeper, number) for number in range(200)))

    assert await kept(database) == {str(n): f"chatcmpl-{n}" for n in range(200)}


async def test_one_whose_waiter_is_cancelled_is_kept(database: Database) -> None:
    keeper = Keeper(COMPLETIONS, database, lambda: 5.0)
    waiting = [asyncio.create_task(keep(keeper, number)) for number in range(3)]
    await asyncio.sleep(0)  # all have begun

    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)

    assert (await kept(database)).keys() == {"0", "1", "2"}


async def test_the_same_id_twice_is_kept_twice(database: Database) -> None:
    keeper = Keeper(COMPLETIONS, database, lambda: 5.0)

    await asyncio.gather(*(keep(keeper, number, "again") for number in range(3)))
    await keep(keeper, 3, "again")

    ids = list((await kept(database)).values())
    assert len(set(ids)) == 4
    assert ids.count("again") == 1


async def test_a_store_that_fails_costs_nobody_the_answer(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    keeper = Keeper(COMPLETIONS, database, lambda: 5.0)

    async def drop(connection: Any) -> None:
        await connection.exec_driver_sql("DROP TABLE completion_tags")
        await connection.exec_driver_sql("DROP TABLE stored_completions")

    await database.write(drop)

    await asyncio.gather(*(keep(keeper, number) for number in range(3)))

    assert capsys.readouterr().out.count("answer not stored") == 3
