"""The locks on a database: a file of SQLite is one server's, a Postgres has any number of users."""

import asyncio
import fcntl
import os
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import NullPool, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from evald.errors import CannotStart
from evald.store.migrate import IN_USE, refuse_other, refusing_broken, schema_version
from evald.store.place import Place
from evald.store.postgres import connect_arguments

LOOKED_AFTER: Final = 1.0
"""Seconds between two looks whether Postgres still knows that we use the database."""
WAITED_FOR: Final = "10s"
"""How long a start waits for somebody who changes the tables."""

log = structlog.get_logger()


@asynccontextmanager
async def sole_user(place: Place) -> AsyncIterator[None]:
    """Hold a file of SQLite: two servers on one would both carry out its runs.

    Of Postgres nothing is held. Raises CannotStart when another one holds the file.
    """
    if place.file is None:
        yield
    else:
        with _file_locked(place.file):
            yield


@asynccontextmanager
async def in_use(place: Place, also: Sequence[int] = ()) -> AsyncIterator[None]:
    """Be one of the users of a Postgres: meanwhile nobody changes its tables. Nothing on SQLite.

    `also` are the numbers of other things that this user needs as they are (`turns.py`). Raises
    CannotStart when the tables are not those of this version, or Postgres cannot be reached. When they
    change later, while the connection was lost, this process is told to stop.
    """
    if place.file is not None:
        yield
        return
    use = _Use(place, (IN_USE, *also))
    with refusing_broken():
        await use.begin()
    keeping = asyncio.create_task(use.keep())
    try:
        yield
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
        await use.end()


class _Use:
    """Advisory locks that are shared. They are a connection's, so they end with the process."""

    def __init__(self, place: Place, numbers: Sequence[int]) -> None:
        self._engine = _engine(place)
        self._shown = place.shown
        self._numbers = numbers
        self._connection: AsyncConnection | None = None

    async def begin(self) -> None:
        """Take the locks. Raises CannotStart when the tables are not those of this version."""
        connection = await self._engine.connect()
        try:
            for number in self._numbers:
                await connection.execute(_SHARE, {"number": number})
            refuse_other(await connection.run_sync(schema_version))
        except BaseException:
            await connection.close()
            raise
        self._connection = connection

    async def keep(self) -> None:
        """Take the locks again after Postgres was away; stop when the tables have changed by then."""
        while True:
            await asyncio.sleep(LOOKED_AFTER)
            try:
                if self._connection is None:
                    await self.begin()
                else:
                    await self._connection.execute(text("SELECT 1"))
            except (DBAPIError, OSError) as error:
                await self.end()
                log.warning("the database does not answer", database=self._shown, error=str(error))
            except CannotStart as error:
                log.error("the tables have changed", database=self._shown, error=str(error))
                signal.raise_signal(signal.SIGTERM)
                return

    async def end(self) -> None:
        """Let go of the locks, whether Postgres is there or not."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(DBAPIError, OSError):
                await connection.close()


_SHARE = text("SELECT pg_advisory_lock_shared(:number)")


async def number_of_users(connection: AsyncConnection) -> int:
    """Give how many processes use a Postgres now."""
    halves = {"high": IN_USE >> 32, "low": IN_USE & 0xFFFFFFFF}
    found = await connection.execute(_USERS, halves)
    return int(found.scalar_one())


_USERS = text(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock' AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND classid = CAST(:high AS bigint) AND objid = CAST(:low AS bigint) AND objsubid = 1"
)


def _engine(place: Place) -> AsyncEngine:
    # Where the other end is gone both sides find out; else the locks would stay for hours.
    given = connect_arguments()
    given["server_settings"]["lock_timeout"] = WAITED_FOR
    return create_async_engine(
        place.url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=given
    )


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
