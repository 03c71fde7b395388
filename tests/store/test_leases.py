"""Leases: one holder at a time, by the clock of the database."""

import asyncio
import time
from functools import partial

from sqlalchemy import select, update

from evald.store import leases as lease_store
from evald.store.database import Database
from evald.store.tables import leases


async def hold(database: Database, holder: str, seconds: float = 60.0) -> bool:
    take = partial(lease_store.hold, name="lane", holder=holder, seconds=seconds)
    return await database.write(take)


async def renew(database: Database, holder: str) -> bool:
    return await database.write(
        partial(lease_store.renew, name="lane", holder=holder, seconds=60.0)
    )


async def is_held(database: Database) -> bool:
    lane = lease_store.is_held(leases.c.name)
    found = await database.read(lambda connection: connection.execute(select(leases).where(lane)))
    return found.first() is not None


async def test_of_many_who_take_a_lease_at_once_one_holds_it(database: Database) -> None:
    taken = await asyncio.gather(*(hold(database, str(number)) for number in range(8)))

    assert taken.count(True) == 1
    assert await is_held(database)
    assert await hold(database, str(taken.index(True)))


async def test_a_lease_that_is_over_is_the_next_ones_and_no_more_the_last_ones(
    database: Database,
) -> None:
    assert await hold(database, "first", seconds=-0.001)
    assert not await is_held(database)

    assert await hold(database, "second")

    assert not await renew(database, "first")
    assert not await hold(database, "first")
    assert await renew(database, "second")


async def test_a_lease_that_nobody_has_taken_can_be_renewed_after_its_time(
    database: Database,
) -> None:
    assert not await renew(database, "first")
    assert await hold(database, "first", seconds=-5)

    assert await renew(database, "first")

    assert await is_held(database)


async def test_the_time_of_the_database_is_unix_time(database: Database) -> None:
    await hold(database, "first", seconds=0)

    found = await database.read(lambda connection: connection.execute(select(leases.c.until)))

    assert abs(found.scalar_one() - time.time()) < 5  # the two are on one machine


async def test_a_lease_ends_for_its_holder_alone_and_old_ones_are_forgotten(
    database: Database,
) -> None:
    await hold(database, "first")
    await database.write(partial(lease_store.let_go, name="lane", holder="second"))
    await database.write(partial(lease_store.let_go_of_all, holder="second"))
    await database.write(lease_store.forget_old)
    assert await is_held(database)

    await database.write(lambda connection: connection.execute(update(leases).values(until=0)))
    await database.write(lease_store.forget_old)

    assert not await renew(database, "first")
