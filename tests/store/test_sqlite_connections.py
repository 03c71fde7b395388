"""What every SQLite connection is set to, and that none is without it."""

import asyncio
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.store import evals as eval_store
from evald.store.database import READERS, Database, open_database
from evald.store.migrate import migrate
from tests.store.conftest import sqlite_url
from tests.store.records import new_eval, saved_eval

WANTED = {
    "journal_mode": "wal",
    "synchronous": 2,  # FULL
    "foreign_keys": 1,
    "busy_timeout": 30_000,
}


def files_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def pragmas(connection: AsyncConnection) -> dict[str, object]:
    return {
        name: (await connection.execute(text(f"PRAGMA {name}"))).scalar_one() for name in WANTED
    }


async def test_every_reader_and_the_writer_are_set_up_the_same(database: Database) -> None:
    together = asyncio.Barrier(READERS)

    async def read(connection: AsyncConnection) -> dict[str, object]:
        await together.wait()  # so that each has a connection of its own
        return await pragmas(connection)

    found = await asyncio.gather(*(database.read(read) for _ in range(READERS)))

    assert [*found, await database.write(pragmas)] == [WANTED] * (READERS + 1)


async def test_no_more_connections_are_opened_than_planned(database: Database) -> None:
    at_once, most = 0, 0

    async def read(connection: AsyncConnection) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await pragmas(connection)
        at_once -= 1

    await asyncio.gather(*(database.read(read) for _ in range(5 * READERS)))

    assert 1 <= most <= READERS


async def test_a_second_process_waits_for_the_first_to_end_its_write(
    database: Database, database_url: str
) -> None:
    begun, go_on, written = asyncio.Event(), asyncio.Event(), list[str]()
    second = open_database(database_url)

    async def slow(connection: AsyncConnection) -> None:
        await eval_store.insert_eval(connection, new_eval())
        begun.set()
        await go_on.wait()
        written.append("first")

    async def quick(connection: AsyncConnection) -> None:
        await eval_store.insert_eval(connection, new_eval())
        written.append("second")

    first = asyncio.create_task(database.write(slow))
    await begun.wait()
    waiting = asyncio.create_task(second.write(quick))
    await second.read(pragmas)  # meanwhile the second has come to its write
    go_on.set()
    await asyncio.gather(first, waiting)

    assert written == ["first", "second"]
    await second.close()


async def test_a_clean_close_leaves_one_file(tmp_path: Path) -> None:
    database = open_database(sqlite_url(tmp_path))
    await migrate(database)
    await saved_eval(database)

    await database.close()

    assert files_in(tmp_path) == ["evald.db"]
