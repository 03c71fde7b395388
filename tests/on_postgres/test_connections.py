"""The connections to Postgres that evald keeps: which are asked whether they are there still."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.store.database import Database, open_database
from evald.store.postgres import ASKED_AFTER
from tests.postgres import execute, migrated_database

WITHIN_S = 30


@pytest.fixture
def url() -> Iterator[str]:
    with migrated_database() as url:
        yield url


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = open_database(url)
    yield database
    await database.close()


async def driver_of(connection: AsyncConnection) -> Any:
    await connection.execute(text("SELECT 1"))
    return (await connection.get_raw_connection()).driver_connection


async def test_a_connection_that_was_just_used_is_not_asked_whether_it_is_there(
    database: Database,
) -> None:
    driver = await database.write(driver_of)
    sent: list[str] = []
    driver.add_query_logger(lambda record: sent.append(record.query))

    assert await database.write(driver_of) is driver
    assert sent == ["BEGIN;", "COMMIT;"]

    driver.used -= ASKED_AFTER
    assert await database.write(driver_of) is driver
    assert ";" in sent


async def test_a_connection_that_postgres_has_closed_is_not_used_again(
    database: Database, url: str
) -> None:
    driver = await database.write(driver_of)
    await execute(url, f"SELECT pg_terminate_backend({driver.get_server_pid()})")
    async with asyncio.timeout(WITHIN_S):
        while not driver.is_closed():
            await asyncio.sleep(0)  # until what Postgres said is read

    assert await database.write(driver_of) is not driver
