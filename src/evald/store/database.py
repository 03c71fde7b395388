"""The connection to the database, and the two ways to use it: read and write.

Both run a function inside one transaction that a cancelled task does not cut in the middle: the work
is finished first, then the cancellation goes on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from evald.store.postgres import NAME, ask_the_unused, connect_arguments

Result = TypeVar("Result")
Work = Callable[[AsyncConnection], Awaitable[Result]]

_FOREIGN_KEYS = "PRAGMA foreign_keys = ON"
SQLITE_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    # A committed item survives a power cut too; batches keep the number of syncs small.
    "PRAGMA synchronous = FULL",
    _FOREIGN_KEYS,
    "PRAGMA busy_timeout = 30000",
    "PRAGMA cache_size = -65536",
)
READERS = 4
"""Connections of SQLite that read at the same time."""


@dataclass(frozen=True)
class Pools:
    """How many connections of Postgres may be open at the same time."""

    readers: int = 8
    writers: int = 8


HUNG_AFTER: Final = "200ms"
"""How long a transaction stands still before it may be ended when it is in the way of others."""
TRIED = 3
"""How often an insert is begun again before it is an error that something is taken."""


@dataclass(frozen=True)
class Database:
    """A database that is open."""

    reader: AsyncEngine
    writer: AsyncEngine
    changer: AsyncEngine
    """For changes of the schema."""

    @property
    def is_shared(self) -> bool:
        """Whether others may use it at the same time."""
        return self.writer.dialect.name == "postgresql"

    async def read(self, work: Work[Result]) -> Result:
        """Give what `work` reads; all its statements see the same moment."""
        try:
            return await uninterrupted(_in_transaction(self.reader, work))
        except DatabaseAway:  # a connection was cut under it; a read can be made again
            return await uninterrupted(_in_transaction(self.reader, work))

    async def write(self, work: Work[Result]) -> Result:
        """Give what `work` gives, with all that it wrote saved, or nothing of it on an error."""
        return await uninterrupted(_in_transaction(self.writer, work))

    async def write_soon(self, work: Work[Result], within: str = HUNG_AFTER) -> Result:
        """Like `write`, but not kept waiting by a process that hangs in the middle of a transaction.

        Its sessions are ended when they are in the way for `within`; if it goes on after all, it has to
        begin its work again, as ours may be.
        """
        if not self.is_shared:
            return await self.write(work)

        async def impatient(connection: AsyncConnection) -> Result:
            await connection.execute(_IMPATIENT, {"within": within})
            return await work(connection)

        for _ in range(TRIED):
            try:
                return await self.write(impatient)
            except DatabaseAway as away:
                if getattr(away.orig, "sqlstate", None) != LOCKED:
                    raise
                await self.write(_end_hung)
        return await self.write(work)

    async def insert(self, work: Work[Result]) -> Result:
        """Give what `work` gives that inserts what it has found to be free; all is saved, or nothing.

        Others may take the same at the same moment. Then it is done again, and sees what they have
        inserted.
        """
        for _ in range(TRIED):
            with suppress(IntegrityError):
                return await self.write(work)
        return await self.write(work)

    async def change_schema(self, work: Work[Result]) -> Result:
        """Give what `work` gives, with foreign keys not held to meanwhile.

        SQLite changes a table by copying it and dropping the old one, and that drop would otherwise
        delete what refers to its rows.
        """
        try:
            return await uninterrupted(_in_transaction(self.changer, work))
        finally:
            await self.changer.dispose()

    async def close(self) -> None:
        """Close all connections."""
        await self.reader.dispose()
        await self.writer.dispose()


async def _in_transaction(engine: AsyncEngine, work: Work[Result]) -> Result:
    with _away_alike():
        async with engine.begin() as connection:
            return await work(connection)


TRY_AGAIN: Final = (
    "08",  # the connection failed
    "40",  # two transactions stood in each other's way, and this one was taken back
    "53",  # no room on the disk, no memory, no connection left
    "55",  # a lock could not be had
    "57",  # the server stops or starts
)
"""The classes of Postgres's error codes after which the same work may succeed."""


LOCKED: Final = "55P03"
"""The error code of Postgres for a lock that could not be had in time."""

_IMPATIENT = text("SELECT set_config('lock_timeout', :within, true)")
_HUNG = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND usename = current_user AND application_name = :name "
    "AND state = 'idle in transaction' AND state_change < now() - CAST(:hung AS text)::interval "
    # Who has not written anything is in nobody's way, such as a dump.
    "AND backend_xid IS NOT NULL"
)


async def _end_hung(connection: AsyncConnection) -> None:
    await connection.execute(_HUNG, {"hung": HUNG_AFTER, "name": NAME})


class DatabaseAway(OperationalError):
    """Postgres did not take the work. It may have taken what was to be committed: nobody knows."""

    def __init__(self, reason: BaseException) -> None:
        super().__init__(None, None, reason)


@contextmanager
def _away_alike() -> Iterator[None]:
    """Raise DatabaseAway whichever way Postgres could not be had."""
    try:
        yield
    except OSError as error:  # no connection could be made
        raise DatabaseAway(error) from None
    except DBAPIError as error:
        code = getattr(error.orig, "sqlstate", None) or ""
        if error.connection_invalidated or code[:2] in TRY_AGAIN:
            raise DatabaseAway(error.orig or error) from None
        raise


async def uninterrupted(work: Coroutine[Any, Any, Result]) -> Result:
    """Finish `work` even when the task that waits for it is cancelled meanwhile."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():  # cancelled again meanwhile, it still waits
            with suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # seen, so that it is not reported as forgotten
        raise


def open_database(url: str, pools: Pools = Pools()) -> Database:
    """Open the database of a SQLAlchemy URL such as `sqlite+aiosqlite:////var/lib/evald/evald.db`.

    The other kind is `postgresql+asyncpg://user:password@host/database`.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return Database(
            reader=_sqlite_engine(parsed, "BEGIN", READERS),
            # One writer: SQLite knows no more, and waiting in the pool is fair where its lock is not.
            writer=_sqlite_engine(parsed, "BEGIN IMMEDIATE", 1),
            changer=_sqlite_engine(parsed, "BEGIN IMMEDIATE", 1, without=_FOREIGN_KEYS),
        )
    writer = _postgres_engine(parsed, pools.writers)
    # One moment for all statements of a read; a write sees what others committed before each of its.
    reader = _postgres_engine(parsed, pools.readers, isolation_level="REPEATABLE READ")
    return Database(reader=reader, writer=writer, changer=writer)


def _postgres_engine(url: URL, size: int, **more: Any) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=size,
        max_overflow=0,
        pool_timeout=300,
        # The one that was used last: the driver keeps statements prepared for each connection.
        pool_use_lifo=True,
        # A connection that was cut while nobody used it, say by a restart, is not handed out.
        pool_pre_ping=True,
        connect_args=connect_arguments(),
        hide_parameters=True,
        **more,
    )
    ask_the_unused(engine)
    return engine


def _sqlite_engine(url: URL, begin: str, size: int, *, without: str = "") -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=size,
        max_overflow=0,
        pool_timeout=300,
        connect_args={"timeout": 30},
        hide_parameters=True,  # they are prompts and outputs, and an error's text reaches the log
    )

    # Many rows are one statement with many VALUES: SQLite's thread asks for the interpreter's lock once
    # and not for each row (decision 0007).
    engine.dialect.use_insertmanyvalues_wo_returning = True

    def connected(connection: Any, _: object) -> None:
        # Transactions are begun by us, below; the driver's own begin comes too late for a snapshot.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in SQLITE_PRAGMAS:
            if pragma != without:
                cursor.execute(pragma)
        cursor.close()

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine.sync_engine, "connect", connected)
    event.listen(engine.sync_engine, "begin", begun)
    return engine
