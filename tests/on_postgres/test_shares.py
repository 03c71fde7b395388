"""What a process does about its shares while Postgres is there, goes away and comes back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from evald.limiter import FairLimiter
from evald.sampling.providers import Provider
from evald.sampling.shares import sharing
from evald.store.database import Database, open_database
from evald.store.provider_shares import begin_beat
from tests.postgres import PostgresServer, fetched, migrate_at
from tests.waiting import until


@pytest.fixture(scope="module")
def database_url(own_postgres: PostgresServer) -> str:
    url = own_postgres.new_database()
    asyncio.run(migrate_at(url))
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = open_database(database_url)
    yield database
    await database.close()


@asynccontextmanager
async def process(
    database: Database, limit: int = 4, requests_per_minute: float | None = None
) -> AsyncIterator[FairLimiter]:
    """Give the limiter of a process."""
    provider = Provider("one", "", max_concurrency=limit, requests_per_minute=requests_per_minute)
    limiter = FairLimiter(limit)
    async with sharing(database, [provider], {"one": limiter}):
        yield limiter


async def one_call(limiter: FairLimiter) -> None:
    async with limiter.place("run"):
        pass


async def has(limiter: FairLimiter, limit: int) -> None:
    await asyncio.to_thread(lambda: until(lambda: limiter.limit == limit))


async def test_places_go_to_who_wants_them_and_come_back_with_who_leaves(
    database: Database,
) -> None:
    async with process(database) as first:
        await has(first, 4)
        async with process(database) as second:
            await has(second, 2)
            async with asyncio.TaskGroup() as group, first.place("run"), first.place("run"):
                for _ in range(9):
                    group.create_task(one_call(first))
                await has(first, 4)
                await has(second, 0)
        await has(first, 4)


async def test_the_lowest_limit_of_all_processes_holds(database: Database) -> None:
    async with process(database, limit=4) as first, process(database, limit=2) as second:
        await has(first, 1)
        await has(second, 1)


async def test_one_place_goes_round_between_those_who_want_it(database: Database) -> None:
    async with process(database, limit=1) as first:
        await has(first, 1)
        async with process(database, limit=1) as second:
            calling = [asyncio.create_task(call_after_call(each)) for each in (first, second)]
            await has(second, 1)
            await has(first, 1)
            for each in calling:
                each.cancel()
            await asyncio.wait(calling)


async def test_without_contact_no_call_begins_and_with_it_they_go_on(
    database: Database, own_postgres: PostgresServer
) -> None:
    async with process(database) as limiter:
        await has(limiter, 4)
        own_postgres.stop()
        calling = asyncio.create_task(call_after_call(limiter))
        await asyncio.to_thread(lambda: until(lambda: limiter.waiting))
        assert (limiter.limit, limiter.free) == (4, 4)

        await asyncio.to_thread(own_postgres.start)

        await asyncio.to_thread(lambda: until(lambda: not limiter.waiting))
        calling.cancel()
        await asyncio.wait([calling])


async def call_after_call(limiter: FairLimiter) -> None:
    while True:
        async with limiter.place("run"):
            await asyncio.sleep(0.001)


async def test_who_is_stopped_in_the_middle_of_a_beat_does_not_hold_up_the_others(
    database: Database,
) -> None:
    async with database.writer.connect() as stopped:
        await begin_beat(stopped)
        async with process(database) as limiter:
            await has(limiter, 4)
        await stopped.invalidate()


async def test_a_call_waits_for_its_start_time_without_a_place(
    database: Database, database_url: str
) -> None:
    """At one call in 100 minutes."""
    one, two = (process(database, requests_per_minute=0.01) for _ in range(2))
    async with one as first, two as second:
        await one_call(first)
        waiting = asyncio.create_task(one_call(second))
        await asyncio.to_thread(lambda: until(lambda: minutes_taken(database_url) > 150))
        assert (second.waiting, second.held) == (1, 0)

        waiting.cancel()
        await asyncio.wait([waiting])
        assert (second.waiting, second.held) == (0, 0)


def minutes_taken(database_url: str) -> float:
    """Give how far ahead start times are taken."""
    asked = "SELECT next_at - EXTRACT(EPOCH FROM clock_timestamp())::float8 FROM provider_starts"
    return float(asyncio.run(fetched(database_url, asked))[0][0]) / 60
