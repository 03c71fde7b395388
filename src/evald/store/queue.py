"""The queue of chunks on Postgres: who carries out which, on whichever machine (decision 0017).

It is PgQueuer's: its tables, its statements that put entries in and take them out in order, its way of
finding entries whose worker is silent. Beside it stand the few statements on its table that it lacks:
those that ask whose an entry is. Times are those of the database, so that clocks need not agree.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

import asyncpg
import orjson
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import (
    QueryBuilderEnvironment,
    QueryQueueBuilder,
    QuerySchedulerBuilder,
)
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.domain.settings import DBSettings, Durability
from pgqueuer.domain.types import Channel, QueueEntrypoint, QueueManagerId
from pgqueuer.ports.repository import EntrypointExecutionParameter
from sqlalchemy import NullPool, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from evald.contract.projects import ProjectId
from evald.errors import RunStopped
from evald.store.migrate import refusing_broken
from evald.store.postgres import connect_arguments

CHANNEL: Final = "evald"
"""On which processes tell each other what is new; the notice is a word and mostly the id of a run."""
WORK: Final = "work"
"""The notice that there are entries to take."""
STOP: Final = "stop"
"""The notice that a run is to be stopped, followed by its id."""

SILENT_AFTER: Final = 3.0
"""Seconds without a sign of life after which the entry of a worker is taken over by another."""
LIVE_WITHIN: Final = 1.5
"""Seconds within which a worker has given a sign of life if it is there and not paused."""
WAITED_FOR: Final = "10s"
"""How long a start waits for another one that makes the tables of the queue."""
LOG_KEPT: Final = timedelta(hours=6)

_BEGIN: Final = QueueEntrypoint("evald.begin")
_FIRST: Final = 2**30
"""The priority of entries that begin a run: before all chunks."""
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
_ENVIRONMENT = QueryBuilderEnvironment(_SETTINGS)
_QUEUE = QueryQueueBuilder(_SETTINGS)
_SCHEDULER = QuerySchedulerBuilder(_SETTINGS)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the queue that was taken from it, and is ours until another worker takes it over."""

    id: int
    claim: UUID
    """Of this one taking: whoever takes the entry later has another one."""
    run_id: str
    position: int | None
    """The chunk, or None for the entry that begins the run."""


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
                await _keep(await _queries(connection))
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


async def queue_run(connection: AsyncConnection, run_id: str) -> None:
    """Have a run begun: its rows read, its chunks queued. A second call changes nothing."""
    queries = await _queries(connection)
    await queries.enqueue(
        [_BEGIN],
        [_payload(run_id, None)],
        [_FIRST],
        dedupe_key=[_begin_key(run_id)],
        on_conflict="skip",
    )
    await notify(connection, WORK)


async def queue_chunks(connection: AsyncConnection, run_id: str, positions: Sequence[int]) -> None:
    """Queue chunks of a run, so that runs take turns (start-time fair queueing).

    The first of them stands beside the first of those that wait already, the second beside the second,
    and so on. Chunks that are in the queue stay where they are.
    """
    found = await connection.execute(_FRONT)
    front = found.scalar_one()
    queries = await _queries(connection)
    count = len(positions)
    await queries.enqueue(
        [_entrypoint(run_id)] * count,
        [_payload(run_id, position) for position in positions],
        [front - place for place in range(count)],
        dedupe_key=[f"{run_id}/{position}" for position in positions],
        on_conflict="skip",
    )
    await notify(connection, WORK)


async def take_entry(
    connection: AsyncConnection, but_of: Sequence[str], silent_after: float = SILENT_AFTER
) -> Entry | None:
    """Take the entry that is first, or one whose worker is silent; no chunk of the runs `but_of`.

    `silent_after` are the seconds without a sign of life after which a worker counts as silent.
    """
    asked = {"begin": _BEGIN, "but_of": list(but_of), "silent_after": silent_after}
    names = list((await connection.execute(_TO_TAKE, asked)).scalars())
    if not names:
        return None
    claim = uuid4()
    jobs = await (await _queries(connection)).dequeue(
        batch_size=1,
        entrypoints={name: EntrypointExecutionParameter(0) for name in names},
        queue_manager_id=QueueManagerId(claim),
        global_concurrency_limit=None,
        heartbeat_timeout=timedelta(seconds=silent_after),
    )
    if not jobs:
        return None
    run_id, position = orjson.loads(jobs[0].payload or b"")
    return Entry(jobs[0].id, claim, run_id, position)


async def hold_entry(connection: AsyncConnection, entry: Entry) -> None:
    """Keep an entry ours until the end of this transaction. Raises RunStopped when it is not."""
    found = await connection.execute(_HOLD, {"id": entry.id, "claim": entry.claim})
    if found.one_or_none() is None:
        raise RunStopped(entry.run_id)


async def end_entry(connection: AsyncConnection, entry: Entry) -> None:
    """Remove an entry whose work is done; one that is another's by now stays."""
    await connection.execute(_END, {"id": entry.id, "claim": entry.claim})


async def hand_back(connection: AsyncConnection, entries: Sequence[Entry]) -> None:
    """Have entries taken by others at once; those that are others' by now stay theirs."""
    for entry in entries:
        await connection.execute(_HAND_BACK, {"id": entry.id, "claim": entry.claim})
    await notify(connection, WORK)


async def drop_entries(connection: AsyncConnection, run_id: str, *, taken: bool = True) -> None:
    """Remove the entries of a run, or only those that nobody has taken."""
    await connection.execute(
        _DROP if taken else _DROP_WAITING,
        {"begin": _begin_key(run_id), "chunks": _entrypoint(run_id)},
    )


async def count_held(connection: AsyncConnection, run_id: str) -> int:
    """Give the number of a run's entries that workers have which are alive."""
    found = await connection.execute(
        _HELD, {"begin": _begin_key(run_id), "chunks": _entrypoint(run_id)}
    )
    return int(found.scalar_one())


async def renew(
    connection: "asyncpg.Connection", entries: Sequence[Entry]
) -> tuple[set[UUID], list[str]]:
    """Give a sign of life for these entries, on a connection of the driver itself.

    Gives the claims of those that are ours no more, and the runs of the others that are to be stopped.
    """
    ids, claims = [entry.id for entry in entries], [entry.claim for entry in entries]
    ours = {row["claim"] for row in await connection.fetch(_RENEW, ids, claims)}
    run_ids = list({entry.run_id for entry in entries if entry.claim in ours})
    stopped = await connection.fetch(_TO_STOP, run_ids) if run_ids else []
    return set(claims) - ours, [row["id"] for row in stopped]


async def ask_to_stop(connection: AsyncConnection, run_id: str) -> bool:
    """Ask all workers to stop a run, unless it is over; say whether they were asked.

    From the commit on none of its chunks is begun. The cancel that follows is carried out even if
    whoever asks for it is gone by then. A run that was deleted may still be at work somewhere.
    """
    asked = await connection.execute(_ASK_TO_STOP, {"run_id": run_id})
    if not asked.rowcount and (await connection.execute(_IS_THERE, {"run_id": run_id})).first():
        return False
    await drop_entries(connection, run_id, taken=False)
    await notify(connection, f"{STOP} {run_id}")
    return True


async def add_aborted(connection: AsyncConnection, run_id: str, calls: int) -> None:
    """Add the calls that a stop has cut off on this machine to those of a run that is not over yet."""
    await connection.execute(_ADD_ABORTED, {"run_id": run_id, "calls": calls})


async def may_go_on(connection: AsyncConnection, run_id: str) -> bool:
    """Say whether a run is in progress, and keep it from being stopped in this transaction."""
    found = await connection.execute(_MAY_GO_ON, {"run_id": run_id})
    return found.one_or_none() is not None


async def goes_on(connection: AsyncConnection, run_id: str) -> bool:
    """Say whether a run is neither over nor to be stopped."""
    return (await connection.execute(_GOES_ON, {"run_id": run_id})).first() is not None


async def stopped_for_long(
    connection: AsyncConnection,
) -> list[tuple[ProjectId, str, str]]:
    """Give the runs, each with project and eval, whose cancel was begun and has not come to an end."""
    found = await connection.execute(_STOPPED_FOR_LONG)
    return [(ProjectId(row.project_id), row.eval_id, row.id) for row in found]


async def queue_what_is_missing(connection: AsyncConnection) -> list[str]:
    """Queue the unfinished runs that have no entry, and give their ids.

    A worker can die after the last entry of a run ended and before the run did, and runs may come from
    an evald that had no queue.
    """
    found = await connection.execute(_WITHOUT_ENTRY, {"begin": _BEGIN})
    missing = list(found.scalars())
    for run_id in missing:
        await queue_run(connection, run_id)
    return missing


async def forget_old(connection: AsyncConnection) -> None:
    """Remove the chunks of runs that failed or are gone, and what the log has kept for long."""
    await connection.execute(_DROP_OF_ENDED)
    await connection.execute(_FORGET, {"kept": LOG_KEPT})


async def notify(connection: AsyncConnection, notice: str) -> None:
    """Tell all processes something, when this transaction is committed."""
    await connection.execute(_NOTIFY, {"channel": CHANNEL, "notice": notice})


async def _queries(connection: AsyncConnection) -> Queries:
    """Give PgQueuer's statements on this connection, inside its transaction."""
    raw = await connection.get_raw_connection()
    driver = raw.driver_connection
    assert driver is not None
    if not driver.is_in_transaction():
        # One is begun with the first statement that comes through SQLAlchemy.
        await connection.execute(_NOTHING)
    return Queries(AsyncpgDriver(driver), _ENVIRONMENT, _QUEUE, _SCHEDULER)


def _entrypoint(run_id: str) -> QueueEntrypoint:
    return QueueEntrypoint(f"evald.chunk.{run_id}")


def _begin_key(run_id: str) -> str:
    return f"{run_id}/begin"


def _payload(run_id: str, position: int | None) -> bytes:
    return orjson.dumps([run_id, position])


def _on_queue(statement: str) -> TextClause:
    return text(statement.replace("{queue}", _SETTINGS.queue_table))


_RENEW: Final = f"""
    UPDATE {_SETTINGS.queue_table} AS entry SET heartbeat = now()
    FROM unnest($1::bigint[], $2::uuid[]) AS held (id, claim)
    WHERE entry.id = held.id AND entry.queue_manager_id = held.claim
    RETURNING held.claim
"""
_TO_STOP: Final = """
    SELECT held.id FROM unnest($1::text[]) AS held (id)
    LEFT JOIN runs ON runs.id = held.id AND runs.status IN ('queued', 'in_progress')
    WHERE runs.id IS NULL OR runs.stop_asked_at IS NOT NULL
"""
_NOTHING = text("SELECT")
_NOTIFY = text("SELECT pg_notify(:channel, :notice)")
_FRONT = _on_queue(
    "SELECT coalesce(max(priority), 0) FROM {queue} "
    f"WHERE status = 'queued' AND priority < {_FIRST}"
)
# Most looks find nothing, and PgQueuer's statement costs several times as much.
_TO_TAKE = _on_queue(
    "SELECT entrypoint FROM (SELECT CAST(:begin AS text) "
    "UNION ALL SELECT 'evald.chunk.' || id FROM runs "
    "WHERE status = 'in_progress' AND stop_asked_at IS NULL AND id <> ALL(:but_of)"
    ") AS known (entrypoint) "
    "WHERE EXISTS (SELECT FROM {queue} AS waiting "
    "WHERE waiting.entrypoint = known.entrypoint AND waiting.status = 'queued') "
    "OR EXISTS (SELECT FROM {queue} AS taken "
    "WHERE taken.entrypoint = known.entrypoint AND taken.status = 'picked' "
    "AND taken.heartbeat < now() - make_interval(secs => :silent_after))"
)
_OURS = "id = :id AND queue_manager_id = :claim"
_HOLD = _on_queue(f"SELECT id FROM {{queue}} WHERE {_OURS} FOR UPDATE")
_END = _on_queue(f"DELETE FROM {{queue}} WHERE {_OURS}")
_HAND_BACK = _on_queue(
    f"UPDATE {{queue}} SET status = 'queued', queue_manager_id = NULL WHERE {_OURS}"
)
_OF_RUN = "(dedupe_key = :begin OR entrypoint = :chunks)"
_DROP = _on_queue(f"DELETE FROM {{queue}} WHERE {_OF_RUN}")
_DROP_WAITING = _on_queue(f"DELETE FROM {{queue}} WHERE {_OF_RUN} AND status = 'queued'")
_HELD = _on_queue(
    f"SELECT count(*) FROM {{queue}} WHERE {_OF_RUN} AND status = 'picked' "
    f"AND heartbeat > now() - interval '{LIVE_WITHIN} seconds'"
)
_ASK_TO_STOP = text(
    "UPDATE runs SET stop_asked_at = extract(epoch FROM clock_timestamp()) "
    "WHERE id = :run_id AND status IN ('queued', 'in_progress')"
)
_IS_THERE = text("SELECT 1 FROM runs WHERE id = :run_id")
_ADD_ABORTED = text(
    "UPDATE runs SET calls_aborted = calls_aborted + :calls "
    "WHERE id = :run_id AND status IN ('queued', 'in_progress')"
)
_MAY_GO_ON = text(
    "SELECT id FROM runs WHERE id = :run_id AND status = 'in_progress' AND stop_asked_at IS NULL "
    "FOR SHARE"
)
_GOES_ON = text(
    "SELECT 1 FROM runs WHERE id = :run_id AND status IN ('queued', 'in_progress') "
    "AND stop_asked_at IS NULL"
)
_STOPPED_FOR_LONG = text(
    "SELECT runs.id, runs.eval_id, evals.project_id FROM runs JOIN evals ON evals.id = runs.eval_id "
    "WHERE runs.status IN ('queued', 'in_progress') "
    f"AND runs.stop_asked_at < extract(epoch FROM now()) - {SILENT_AFTER}"
)
_WITHOUT_ENTRY = _on_queue(
    "SELECT id FROM runs WHERE status IN ('queued', 'in_progress') AND stop_asked_at IS NULL "
    "AND NOT EXISTS (SELECT FROM {queue} AS chunk "
    "WHERE chunk.entrypoint = 'evald.chunk.' || runs.id AND chunk.status = 'queued') "
    "AND NOT EXISTS (SELECT FROM {queue} AS taken "
    "WHERE taken.entrypoint = 'evald.chunk.' || runs.id AND taken.status = 'picked') "
    "AND NOT EXISTS (SELECT FROM {queue} AS start "
    "WHERE start.entrypoint = :begin AND start.dedupe_key = runs.id || '/begin') ORDER BY seq"
)
_DROP_OF_ENDED = _on_queue(
    "DELETE FROM {queue} AS entry WHERE NOT EXISTS ("
    "SELECT FROM runs WHERE runs.status IN ('queued', 'in_progress') "
    "AND runs.id = split_part(entry.dedupe_key, '/', 1))"
)
_FORGET = text(
    f"DELETE FROM {_SETTINGS.queue_table_log} WHERE created < now() - cast(:kept AS interval)"
)
