"""What a chunk costs in the queue on Postgres when there is nothing to do in it.

The rows of a run all have their items, so that only the queue is left: an entry is taken, the chunk is
claimed and its rows are looked for, the entry is ended, and it is looked whether the run is over. The
functions of evald do it, one chunk after the other.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.clock import system_clock
from evald.dispatch.entries import Work, carry_out_entry
from evald.logs import set_up_logs
from evald.runs.tools import Tools
from evald.sampling.connections import open_connections
from evald.sampling.sampler import ProviderSampler
from evald.sandbox.aside import ProcessAside
from evald.store import queue
from evald.store.database import Database, open_database


@dataclass(frozen=True)
class QueueCost:
    """What the chunks took."""

    chunks: int
    seconds: float
    cpu_seconds: float
    """Of this process alone."""
    statements: int
    """Whatever was sent to Postgres and waited for its answer, BEGIN and COMMIT included."""


def queue_cost(url: str, run_id: str) -> QueueCost:
    """Carry out all chunks of a completed run once more, with nothing to do in them."""
    set_up_logs("warning", "console")
    return asyncio.run(_queue_cost(url, run_id))


async def _queue_cost(url: str, run_id: str) -> QueueCost:
    async with _tools(url) as tools:
        sent = _counted_statements(tools.database)
        chunks = await tools.database.write(lambda connection: _queue_again(connection, run_id))
        work = Work(tools)
        await work.recipe(run_id)  # compiled once for all chunks of a run
        sent.clear()
        began, cpu_before, done = time.monotonic(), time.process_time(), 0
        while entry := await tools.database.write(lambda each: queue.take_entry(each, [])):
            await carry_out_entry(entry, work, lambda: None)
            done += 1
        seconds, cpu = time.monotonic() - began, time.process_time() - cpu_before
    if done != chunks:
        raise RuntimeError(f"{done} chunks were taken, not {chunks}")
    return QueueCost(done, seconds, cpu, len(sent))


@asynccontextmanager
async def _tools(url: str) -> AsyncIterator[Tools]:
    database = open_database(url)
    async with open_connections() as connections:
        yield Tools(
            database=database,
            sampler=ProviderSampler([], connections),
            embed=None,
            aside=ProcessAside(),
            clock=system_clock,
            rows_at_once=1,
            max_error_rate=1.0,
        )
    await database.close()


async def _queue_again(connection: AsyncConnection, run_id: str) -> int:
    """Queue the chunks of a run whose rows are all done; one row more keeps it from being completed."""
    await connection.execute(
        text("UPDATE runs SET status = 'in_progress', row_count = row_count + 1 WHERE id = :id"),
        {"id": run_id},
    )
    found = await connection.execute(
        text("SELECT position FROM chunks WHERE run_id = :id ORDER BY position"), {"id": run_id}
    )
    positions = list(found.scalars())
    await queue.queue_chunks(connection, run_id, positions)
    return len(positions)


def _counted_statements(database: Database) -> list[str]:
    """Give a list to which every statement of the writer is added when it is sent."""
    sent: list[str] = []

    def connected(connection: Any, _: object) -> None:
        # What goes past SQLAlchemy: transactions, looks whether a connection is there, and PgQueuer.
        connection.driver_connection.add_query_logger(lambda record: sent.append(record.query))

    def executing(*given: Any) -> None:
        sent.append(given[2])

    for engine in (database.writer.sync_engine, database.reader.sync_engine):
        event.listen(engine, "connect", connected)
        event.listen(engine, "before_cursor_execute", executing)
    return sent
