"""How long keys are taken as they were read, by a clock that only the test moves."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from evald.access.access import KNOWN_FOR, SESSION_LIFE, Access
from evald.access.keys import hash_of, masked, new_key
from evald.contract.projects import DEFAULT_PROJECT
from evald.errors import Unauthorized
from evald.store import api_keys as api_key_store
from evald.store.api_keys import NewKey
from evald.store.database import Database, open_database
from evald.store.migrate import migrate


@dataclass
class Hands:
    """A clock that hardly moves until it is moved."""

    now: float = 1_000.0

    def __call__(self) -> float:
        self.now += 1e-6
        return self.now


@dataclass
class Watched:
    """An access whose statements are counted."""

    access: Access
    database: Database
    clock: Hands
    statements: int = 0

    async def make_key(self, key_id: str) -> str:
        key = new_key()
        new = NewKey(key_id, DEFAULT_PROJECT, "", hash_of(key), key[-4:], 1)
        await self.database.write(lambda connection: api_key_store.insert_key(connection, new))
        return key

    async def revoke(self, key_id: str) -> None:
        await self.database.write(
            lambda connection: api_key_store.revoke_key(connection, key_id, 2)
        )

    async def is_taken(self, key: str) -> bool:
        try:
            await self.access.project_of_key(key, None)
        except Unauthorized:
            return False
        return True


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    database, clock = open_database(f"sqlite+aiosqlite:///{tmp_path}/evald.db"), Hands()
    await migrate(database)
    watched = Watched(Access(database, clock, clock), database, clock)

    def count(_: Any, __: Any, statement: str, *___: Any) -> None:
        watched.statements += not statement.startswith("BEGIN")

    event.listen(database.reader.sync_engine, "before_cursor_execute", count)
    yield watched
    await database.close()


async def test_a_request_with_a_known_key_costs_no_statement(watched: Watched) -> None:
    key = await watched.make_key("key_1")
    assert await watched.is_taken(key)
    before = watched.statements

    for _ in range(100):
        assert await watched.is_taken(key)

    assert watched.statements == before


async def test_a_revoked_key_is_taken_no_longer_than_the_keys_are_known(watched: Watched) -> None:
    key = await watched.make_key("key_1")
    assert await watched.is_taken(key)

    await watched.revoke("key_1")
    watched.clock.now += KNOWN_FOR - 0.01
    still = await watched.is_taken(key)
    watched.clock.now += 0.02

    assert still
    assert not await watched.is_taken(key)


async def test_a_new_key_is_taken_at_once_though_the_keys_are_known(watched: Watched) -> None:
    assert await watched.is_taken(await watched.make_key("key_1"))

    assert await watched.is_taken(await watched.make_key("key_2"))


async def test_wrong_keys_that_come_together_share_a_reading(watched: Watched) -> None:
    await watched.make_key("key_1")
    assert not await watched.is_taken("wrong")
    before = watched.statements

    taken = await asyncio.gather(*(watched.is_taken(f"wrong {n}") for n in range(50)))

    assert not any(taken)
    assert watched.statements - before <= 2 * 2


async def test_a_session_is_over_with_its_time_its_key_or_its_sign_out(watched: Watched) -> None:
    keys = [await watched.make_key(f"key_{number}") for number in range(3)]
    by_time, by_key, by_reader = [await watched.access.sign_in(key) for key in keys]

    await watched.revoke("key_1")
    await watched.access.sign_out(by_reader)

    found = [await watched.access.key_of_session(each) for each in (by_time, by_key, by_reader)]
    assert [each and each.id for each in found] == ["key_0", None, None]
    watched.clock.now += SESSION_LIFE
    assert await watched.access.key_of_session(by_time) is None


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("sk-evald-0123456789abcdef", "***cdef"),
        ("short", "***"),
        ("nineteen-characters", "***"),
        ("é" * 40, "***"),
        ("x" * 30 + "\x1b[2J", "***"),
    ],
)
def test_no_more_than_the_end_of_a_long_key_is_shown(given: str, shown: str) -> None:
    assert masked(given) == shown
