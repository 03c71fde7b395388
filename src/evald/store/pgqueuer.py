"""PgQueuer's tables and statements, under names of our own (decision 0017)."""

from typing import Final

import asyncpg
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import (
    QueryBuilderEnvironment,
    QueryQueueBuilder,
    QuerySchedulerBuilder,
)
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.domain.settings import DBSettings, Durability
from pgqueuer.domain.types import Channel
from sqlalchemy import NullPool, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from evald.store.migrate import refusing_broken
from evald.store.postgres import connect_arguments

WAITED_FOR: Final = "10s"
"""How long a start waits for another one that makes the tables of the queue."""
# All of them: what is left out it would look for in the environment.
_SETTINGS: Final = DBSettings(
    prefix="evald_",
    db_schema=None,
    widen_id=True,
    durability=Durability.balanced,  # the log of the queue need not outlive a crash
    channel=Channel("evald_queue"),
    function="evald_fn_pgqueuer_changed",
    queue_table="evald_pgqueuer",
    queue_table_log="evald_pgqueuer_log",
    queue_status_type="evald_pgqueuer_status",
    statistics_table="evald_pgqueuer_statistics",
    schedules_table="evald_pgqueuer_schedules",
    trigger="evald_tg_pgqueuer_changed",
)
TABLE: Final = _SETTINGS.queue_table
LOG_TABLE: Final = _SETTINGS.queue_table_log
_ENVIRONMENT = QueryBuilderEnvironment(_SETTINGS)
_QUEUE = QueryQueueBuilder(_SETTINGS)
_SCHEDULER = QuerySchedulerBuilder(_SETTINGS)


async def keep_queue(url: str) -> None:
    """Bring the tables of the queue to what this PgQueuer knows; processes take turns.

    Raises CannotStart when Postgres cannot be had.
    """
    given = connect_arguments()
    given["server_settings"]["lock_timeout"] = WAITED_FOR
    engine = create_async_engine(
        url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=given
    )
    with refusing_broken():
        try:
            async with engine.connect() as connection:
                await _keep(await queries_of(connection))
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:  # the driver's own
            raise OSError(str(error)) from error


async def _keep(queries: Queries) -> None:
    # Nearly always there is nothing to do, and so no lock that a process could hang with.
    if await queries.schema_is_installed() and not (await queries.plan_upgrade()).statements:
        return
    async with queries.schema_lock():
        if not await queries.schema_is_installed():
            await queries.install()
    await queries.upgrade()


async def queries_of(connection: AsyncConnection) -> Queries:
    """Give PgQueuer's statements on this connection, inside its transaction."""
    raw = await connection.get_raw_connection()
    driver = raw.driver_connection
    assert driver is not None
    if not driver.is_in_transaction():
        # One is begun with the first statement that comes through SQLAlchemy.
        await connection.execute(_NOTHING)
    return Queries(AsyncpgDriver(driver), _ENVIRONMENT, _QUEUE, _SCHEDULER)


def on_queue(statement: str) -> TextClause:
    """Give a statement of ours on the table of the queue, which it calls `{queue}`."""
    return text(statement.replace("{queue}", TABLE))


_NOTHING = text("SELECT")
