"""The statements behind the limits that processes share, and the connection that they go over."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.rules.shares import Share
from evald.rules.start_times import Pace
from evald.store.database import Database, open_database
from evald.store.own_connection import OwnConnection
from evald.store.provider_shares import (
    all_shares,
    begin_beat,
    drop_shares,
    save_shares,
    take_start_times,
)
from tests.postgres import migrated_database

PACE = Pace.of(1200)


@pytest.fixture
def database_url() -> Iterator[str]:
    with migrated_database() as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = open_database(database_url)
    yield database
    await database.close()


async def test_shares_are_kept_as_they_were_saved_last(database: Database) -> None:
    first, other = Share("one", 8, 3, 2, 7.5), Share("two", 8, 0, 1)

    async def save(connection: AsyncConnection) -> float:
        now = await begin_beat(connection)
        await save_shares(connection, [("a", Share("one", 4, 0, 0)), ("b", first)])
        await save_shares(connection, [("a", first), ("a", other), ("c", other)])
        return now

    begun = await database.write(save)
    seen = await database.read(lambda connection: all_shares(connection, ["a", "b"]))

    assert {(each.provider, each.share) for each in seen} == {
        ("a", first),
        ("b", first),
        ("a", other),
    }
    assert all(begun <= each.seen_at < begun + 60 for each in seen)

    await database.write(lambda connection: drop_shares(connection, ["one"]))
    left = await database.read(lambda connection: all_shares(connection, ["a", "b", "c"]))
    assert [(each.provider, each.share) for each in left] == [("a", other), ("c", other)]


async def test_start_times_follow_each_other_whoever_takes_them(database: Database) -> None:
    async def next_after(number: int) -> float:
        """Take so many, and give when the next one is."""

        async def taken(connection: AsyncConnection) -> float:
            await take_start_times(connection, "a", PACE, number)
            return float((await connection.execute(NEXT)).scalar_one())

        return await database.write(taken)

    first, *others = [await next_after(number) for number in (40, 1, 5, 1)]

    assert [other - first for other in others] == pytest.approx(
        [number * PACE.interval for number in (1, 6, 7)]
    )


async def test_after_a_pause_the_first_start_time_is_a_little_in_the_past(
    database: Database,
) -> None:
    first = await database.write(lambda connection: take_start_times(connection, "a", PACE, 1))

    assert first == pytest.approx(-PACE.catch_up, abs=0.001)


async def test_an_answer_that_does_not_come_in_time_is_given_up_and_the_next_write_connects_again(
    database: Database,
) -> None:
    async def sleep(connection: AsyncConnection) -> None:
        await connection.execute(text("SELECT pg_sleep(3600)"))

    own = OwnConnection(database, 0.2)
    with pytest.raises((SQLAlchemyError, OSError)):
        await asyncio.wait_for(own.write(sleep), 20)

    assert await own.write(begin_beat) > 0
    await own.close()


NEXT = text("SELECT next_at FROM provider_starts WHERE provider = 'a'")
