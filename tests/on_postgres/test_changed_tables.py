"""A schema changes while nobody uses it, and who finds another one than its own uses it no more."""

import asyncio
from functools import partial

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.errors import CannotStart
from evald.store import postgres
from evald.store.database import DatabaseAway, open_database
from evald.store.lock import in_use
from evald.store.migrate import migrate
from evald.store.place import Place
from tests.postgres import PostgresServer, execute, fetched
from tests.server import EvaldServer

READING = "SELECT * FROM things"
CUT = """
UPDATE alembic_version SET version_num = '9999';
SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'
"""


async def migrate_at(url: str) -> None:
    database = open_database(url)
    try:
        await migrate(database)
    finally:
        await database.close()


async def migrate_while_it_is_used(url: str) -> None:
    """Have the tables of another version be to change while a server uses them."""
    await migrate_at(url)
    async with in_use(Place(url)):
        await execute(url, "UPDATE alembic_version SET version_num = '0006'")
        await migrate_at(url)


async def make_at_once(url: str) -> None:
    await asyncio.gather(*(migrate_at(url) for _ in range(4)))
    async with in_use(Place(url)), in_use(Place(url)):
        await migrate_at(url)


def test_tables_are_not_changed_under_those_who_use_them(own_postgres: PostgresServer) -> None:
    url = own_postgres.new_database()

    with pytest.raises(CannotStart, match="Other evalds use the database"):
        asyncio.run(migrate_while_it_is_used(url))

    assert asyncio.run(fetched(url, "SELECT version_num FROM alembic_version")) == [("0006",)]


def test_many_who_start_at_once_make_the_tables_once(own_postgres: PostgresServer) -> None:
    asyncio.run(make_at_once(own_postgres.new_database()))


def test_a_server_whose_tables_were_changed_while_it_was_cut_off_stops(server: EvaldServer) -> None:
    asyncio.run(execute(server.environment["EVALD_DATABASE_URL"], CUT))

    assert server.ended() == 0
    assert "the tables have changed" in server.log()


def test_a_transaction_that_is_left_open_holds_up_nobody_for_long(
    own_postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(postgres.SERVER_SETTINGS, "idle_in_transaction_session_timeout", "200ms")
    url = own_postgres.new_database()

    asyncio.run(execute(url, "CREATE TABLE things (id int)"))

    with pytest.raises(DatabaseAway):
        asyncio.run(drop_what_is_locked(url))


async def drop_what_is_locked(url: str) -> None:
    """Drop the table while a transaction has it that does nothing more, as one of a stopped process."""
    database = open_database(url)
    locked, dropped = asyncio.Event(), asyncio.Event()

    async def lock(connection: AsyncConnection) -> None:
        await connection.execute(text("LOCK TABLE things"))
        locked.set()
        await dropped.wait()

    try:
        locking = asyncio.create_task(database.write(lock))
        await locked.wait()
        await execute(url, "DROP TABLE things")
        dropped.set()
        await locking
    finally:
        await database.close()


def test_a_write_ends_the_session_that_hangs_in_its_way_and_none_that_only_reads(
    own_postgres: PostgresServer,
) -> None:
    url = own_postgres.new_database()
    asyncio.run(execute(url, "CREATE TABLE things (id int); INSERT INTO things VALUES (1)"))

    asyncio.run(write_beside_those_who_stand_still(url))


async def write_beside_those_who_stand_still(url: str) -> None:
    database = open_database(url)
    written = asyncio.Event()
    begun: list[str] = []

    async def stand_still(connection: AsyncConnection, statement: str) -> None:
        begun.append(statement)  # a read whose session was ended is begun again
        await connection.execute(text(statement))
        await written.wait()
        await connection.execute(text("SELECT 1"))

    async def change(connection: AsyncConnection) -> None:
        await connection.execute(text("UPDATE things SET id = 3"))

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(database.read(partial(stand_still, statement=READING)))
            writing = asyncio.ensure_future(
                database.write(partial(stand_still, statement="UPDATE things SET id = 2"))
            )
            await until_two_stand_still(url)
            await database.write_soon(change)
            written.set()
            with pytest.raises(DatabaseAway):
                await writing
        assert begun.count(READING) == 1
    finally:
        await database.close()


async def until_two_stand_still(url: str) -> None:
    idle = "SELECT FROM pg_stat_activity WHERE state = 'idle in transaction'"
    while len(await fetched(url, f"{idle} AND datname = current_database()")) < 2:
        pass
