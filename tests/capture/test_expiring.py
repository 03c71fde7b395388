"""What was captured is deleted when it is older than it may become, and is kept otherwise."""

import asyncio
from functools import partial
from pathlib import Path

from evald.capture.expiring import DAY, DELETED_AT_ONCE, expire, expiring
from evald.contract.projects import DEFAULT_PROJECT
from evald.store import api_keys as key_store
from evald.store import stored_completions as completion_store
from evald.store import stored_responses as response_store
from evald.store.database import Database
from tests.capture.asking import stored
from tests.capture.test_import import answer, counts, imported, jsonl, of_response, pair, response
from tests.server import EvaldServer
from tests.store.records import new_completion, new_response, row_counts, saved_response
from tests.waiting import until

NOW = 100 * DAY


async def kept(database: Database) -> tuple[int, int]:
    counts = await row_counts(database)
    return counts["stored_completions"], counts["stored_responses"]


async def fill(database: Database, times: list[int]) -> None:
    """Store a completion and a response for each time, in two projects each."""
    other = await database.write(partial(key_store.insert_project, name="other", now=1))
    for project_id in (DEFAULT_PROJECT, other):
        completions = [new_completion(created_at=time, metadata={"a": "b"}) for time in times]
        responses = [new_response(created_at=time, tags={("user", "", "ada")}) for time in times]
        await database.write(
            partial(completion_store.insert_completions, project_id=project_id, new=completions)
        )
        await database.write(
            partial(response_store.insert_responses, project_id=project_id, new=responses)
        )


async def test_what_is_from_before_a_time_is_deleted_in_all_projects(database: Database) -> None:
    await fill(database, [9, 10, 11, 5])

    await expire(10, database)

    found = await row_counts(database)
    assert await kept(database) == (4, 4)
    # The tags of a completion: its pair and its model.
    assert (found["completion_tags"], found["response_tags"]) == (8, 4)
    assert found["deleted_responses"] == 4


async def test_more_than_one_transaction_deletes_are_all_deleted(database: Database) -> None:
    await fill(database, [1] * (DELETED_AT_ONCE + 1) + [2])

    await expire(2, database)

    assert await kept(database) == (2, 2)


async def test_what_grows_old_is_deleted_while_the_server_runs(database: Database) -> None:
    begun: asyncio.Queue[None] = asyncio.Queue()

    def clock() -> float:
        begun.put_nowait(None)
        return NOW

    await saved_response(database, created_at=NOW - 30 * DAY)
    async with expiring(30, database, clock, every=0):
        await saved_response(database, created_at=NOW - 30 * DAY - 1)
        for _ in range(begun.qsize() + 2):  # the last of them begins behind one that saw both
            await begun.get()

    assert await kept(database) == (0, 1)


async def test_nothing_grows_old_without_a_setting(database: Database) -> None:
    await saved_response(database, created_at=1)

    async with expiring(None, database, lambda: NOW, every=0):
        pass

    assert await kept(database) == (0, 1)


def test_a_server_deletes_what_is_too_old_when_it_starts(tmp_path: Path) -> None:
    server, case = EvaldServer(tmp_path), "old-and-new"
    old, new = response(), response(created_at=None)
    lines = [old, new, pair(), pair(answer(created=None))]
    with server:
        assert counts(imported(server, jsonl(*lines), case=case)) == (4, 0, 0)
    server.environment["EVALD_KEEP_CAPTURED_DAYS"] = "30"

    with server:
        until(lambda: "error" in of_response(server, old["id"]))
        assert of_response(server, new["id"])["id"] == new["id"]
        until(lambda: len(stored(server, case=case)) == 1)
