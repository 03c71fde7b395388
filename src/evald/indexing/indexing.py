"""Follow the output items that are saved, and put them into the index behind the items table.

It does so beside all else: in small steps, off the event loop, and seldom while runs are in progress.
What a step has not committed is done again by the next one, whatever ended it.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from math import inf
from typing import Final

import structlog
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.errors import ProcessDied
from evald.ids import new_id
from evald.indexing.reading import read_items, read_items_aside
from evald.rules.item_facts import ItemFacts
from evald.sandbox.aside import ProcessAside
from evald.store import leases
from evald.store.database import Database
from evald.store.item_indexing import add_to_index, drop_some, take_back
from evald.store.item_pending import (
    Batch,
    IndexedRun,
    Look,
    active_behind,
    all_behind,
    begin_index,
    look,
    next_batch,
)

log = structlog.get_logger()

POLL: Final = 0.5
"""Seconds between two looks for something to do."""
BUSY_SHARE: Final = 0.05
"""The share of the time that it works while a run saves items: it must not slow that down."""
IDLE_SHARE: Final = 0.8
STALLED_AFTER: Final = 5.0
"""Seconds without a saved item after which runs in progress wait for their models alone."""
LONGEST_PAUSE: Final = 2.0
"""Seconds: a step that once took long, to start a process say, is no reason to fall behind a run."""
AFTER_FAILURE: Final = 5.0
"""Seconds."""

LONGEST_WRITE: Final = 0.03
"""Seconds for which the only writer of SQLite is held; batches are made smaller or larger to fit."""
SMALLEST_BATCH: Final = 16
LARGEST_BATCH: Final = 500
READ_HERE: Final = 64
"""Items that a thread of the server reads; for more it is worth a process."""
REMOVED_AT_ONCE: Final = 100

LOOK_AT_ALL: Final = 60.0
"""Seconds after which all runs are looked at, however little happens."""
LOOK_AGAIN: Final = 2.0
"""Seconds after which they are at the earliest, when items were saved."""
COST_OF_LOOKS: Final = 0.01
"""The share of the time that such looks take at most."""

LEASE: Final = "items_index"
LEASE_SECONDS: Final = 15.0


@asynccontextmanager
async def indexing(database: Database) -> AsyncIterator[None]:
    """Keep the index for as long as the block lasts."""
    aside = ProcessAside()
    indexer = Indexer(database, aside)
    task = asyncio.get_running_loop().create_task(indexer.keep(), name="indexing")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        await indexer.let_go()
        await aside.close()


@dataclass(frozen=True, slots=True)
class LookAtAll:
    """The last look at all runs: what was saved by then, when it was, and the seconds that it took."""

    newest: int = -1
    at: float = -inf
    took: float = 0.0

    def is_long_ago(self, newest: int) -> bool:
        """Say whether it is time for another one; `newest` is the last item that is saved now."""
        passed = time.monotonic() - self.at
        some = newest != self.newest and passed > max(LOOK_AGAIN, self.took / COST_OF_LOOKS)
        return some or passed > LOOK_AT_ALL


class Indexer:
    """Keeps the index of a database, one step after the other."""

    def __init__(self, database: Database, aside: ProcessAside) -> None:
        """Begin with nothing known."""
        self._database = database
        self._aside = aside
        self._id = new_id("indexer")
        self._held_until = 0.0
        self._size = READ_HERE
        self._newest = -1
        self._saved = (-1, -inf)
        self._others: deque[IndexedRun] = deque()
        self._last_look = LookAtAll()

    async def keep(self) -> None:
        """Do step after step, until cancelled. After a failure, begin again."""
        while True:
            try:
                if not self._database.is_shared or await self._is_ours():
                    await self._step_and_pause()
                else:
                    await asyncio.sleep(LEASE_SECONDS / 3)
                continue
            except (SQLAlchemyError, ProcessDied) as error:  # a full disk, say
                log.warning("items not indexed, trying again", error=_named(error))
            except Exception:  # the border of the loop: the server goes on, and so does this
                log.exception("indexing broke")
            await asyncio.sleep(AFTER_FAILURE)

    async def _is_ours(self) -> bool:
        """Take the lease under which one process at a time does this, or renew it."""
        now = time.monotonic()
        if now < self._held_until:
            return True
        held = await self._database.write(
            lambda connection: leases.hold(connection, LEASE, self._id, LEASE_SECONDS)
        )
        self._held_until = now + LEASE_SECONDS / 3 if held else 0.0
        return held

    async def let_go(self) -> None:
        """Let another process do it at once."""
        if self._held_until:
            with suppress(SQLAlchemyError):  # then the lease ends by itself
                await self._database.write(
                    lambda connection: leases.let_go(connection, LEASE, self._id)
                )

    async def _step_and_pause(self) -> None:
        started = time.monotonic()
        seen = await self._database.read(look)
        worked = await self._step(seen)
        took = time.monotonic() - started
        share = BUSY_SHARE if seen.is_busy and self._is_saving(seen, started) else IDLE_SHARE
        pause = min(took * (1 / share - 1), LONGEST_PAUSE)
        await asyncio.sleep(pause if worked else POLL)

    def _is_saving(self, seen: Look, now: float) -> bool:
        """Say whether items were saved in the last seconds."""
        newest, at = self._saved
        if seen.newest != newest:
            self._saved = seen.newest, now
            return True
        return now - at < STALLED_AFTER

    async def catch_up(self) -> None:
        """Do all there is to do, without a pause."""
        while True:
            seen = await self._database.read(look)
            self._others = deque(await self._database.read(all_behind))
            if seen.orphan is None and not self._others:
                return
            while await self._step(seen):
                seen = await self._database.read(look)

    async def _step(self, seen: Look) -> bool:
        """Do a little, and say whether there was anything to do."""
        if (orphan := seen.orphan) is not None:
            await self._database.write(
                lambda connection: drop_some(connection, orphan, REMOVED_AT_ONCE)
            )
            return True
        if seen.newest != self._newest or seen.is_busy:
            if active := await self._database.read(active_behind):
                await self._extend(active[0])
                return True
            self._newest = seen.newest
        if not self._others and self._last_look.is_long_ago(seen.newest):
            started = time.monotonic()
            self._others.extend(await self._database.read(all_behind))
            self._last_look = LookAtAll(seen.newest, time.monotonic(), time.monotonic() - started)
        if not self._others:
            return False
        if not await self._extend(self._others[0]):
            self._others.popleft()
        return True

    async def _extend(self, run: IndexedRun) -> bool:
        """Bring the index of a run some items forward; say whether there may be more."""
        size = self._size
        batch = await self._database.read(lambda connection: next_batch(connection, run, size))
        if batch is None:
            await self._database.write(lambda connection: begin_index(connection, run))
            return True
        if batch.gone_to:
            await self._database.write(
                lambda connection: take_back(connection, batch, REMOVED_AT_ONCE)
            )
            return True
        if not batch.items:
            return False
        facts = await self._read(batch)
        started = 0.0

        async def add(connection: AsyncConnection) -> bool:
            nonlocal started
            started = time.monotonic()  # when nobody else writes
            return await add_to_index(connection, batch, facts)

        await self._database.write(add)
        if len(batch.items) == size:
            self._fit(time.monotonic() - started)
        return True

    async def _read(self, batch: Batch) -> list[ItemFacts]:
        asked = (batch.run.seq, batch.testing_criteria, batch.items)
        if len(batch.items) <= READ_HERE:
            return await asyncio.to_thread(read_items, *asked)
        return await self._aside("items", read_items_aside, *asked)

    def _fit(self, took: float) -> None:
        """Make batches smaller or larger by how long the last write took."""
        if took > LONGEST_WRITE:
            self._size = max(SMALLEST_BATCH, int(self._size * max(0.5, LONGEST_WRITE / took)))
        elif took < LONGEST_WRITE / 1.5:
            self._size = min(LARGEST_BATCH, int(self._size * 1.25) + 1)


def _named(error: Exception) -> str:
    # A statement has nothing to do in the log.
    return str(error.orig if isinstance(error, DBAPIError) else error)
