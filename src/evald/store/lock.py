"""The lock by which one server at a time carries out the runs of a database."""

import asyncio
import fcntl
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import NullPool, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from evald.errors import CannotStart
from evald.store.migrate import refusing_broken
from evald.store.place import Place

LOCK: Final = 0x6576616C64
"""The number of the advisory lock of Postgres: `evald` in ASCII."""
LOOKED_AFTER: Final = 1.0
"""Seconds between two looks whether Postgres still knows that the lock is ours."""

log = structlog.get_logger()


@asynccontextmanager
async def sole_user(place: Place) -> AsyncIterator[None]:
    """Hold the database: two servers on one would both carry out its runs.

    Raises CannotStart when another one holds it, or when Postgres cannot be reached.
    """
    if place.file is not None:
        with _file_locked(place.file):
            yield
        return
    if place.file is None:
        yield
        return
    engine = create_async_engine(place.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    lock = _PostgresLock(engine, place.shown)
    with refusing_broken():
        taken = await lock.take()
    if not taken:
        raise CannotStart(
            f"Another evald uses the database {place.shown}. Stop it, or give this one a database of "
            "its own with EVALD_DATABASE_URL."
        )
    keeping = asyncio.create_task(lock.keep())
    try:
        yield
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
        await lock.release()


class _PostgresLock:
    """An advisory lock. It is a connection's, so it ends with the process, however that ends."""

    def __init__(self, engine: AsyncEngine, shown: str) -> None:
        self._engine = engine
        self._shown = shown
        self._connection: AsyncConnection | None = None

    async def take(self) -> bool:
        """Say whether the lock is ours now."""
        connection = await self._engine.connect()
        taken = await connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": LOCK})
        if taken.scalar_one():
            self._connection = connection
            return True
        await connection.close()
        return False

    async def keep(self) -> None:
        """Take the lock again after Postgres was away; stop this server when another one was quicker."""
        while True:
            await asyncio.sleep(LOOKED_AFTER)
            try:
                if not await self._is_ours():
                    log.error("another evald has taken the database", database=self._shown)
                    signal.raise_signal(signal.SIGTERM)
                    return
            except (DBAPIError, OSError) as error:
                await self.release()
                log.warning("the database does not answer", database=self._shown, error=str(error))

    async def _is_ours(self) -> bool:
        if self._connection is None:
            return await self.take()
        await self._connection.execute(text("SELECT 1"))
        return True

    async def release(self) -> None:
        """Let go of the lock, whether Postgres is there or not."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(DBAPIError, OSError):
                await connection.close()


@contextmanager
def _file_locked(file: Path) -> Iterator[None]:
    # A symbolic link is another name of the same file.
    lock = f"{os.path.realpath(file)}.lock"
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CannotStart(
            f"The database {file} cannot be locked: {lock}: {error.strerror}. Give evald a "
            "directory that it may write to with --data-dir, or another EVALD_DATABASE_URL."
        ) from None
    try:
        _lock(descriptor, file)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, file: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CannotStart(
            f"Another evald uses the database {file}. Stop it, or give this one a directory of its "
            "own with --data-dir."
        ) from None
    except OSError as error:
        raise CannotStart(f"The database {file} cannot be locked: {error.strerror}.") from None
