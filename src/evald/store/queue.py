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
from pgqueuer.domain.types import QueueEntrypoint, QueueManagerId
from pgqueuer.ports.repository import EntrypointExecutionParameter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.errors import RunStopped
from evald.store.pgqueuer import LOG_TABLE, TABLE, on_queue, queries_of

CHANNEL: Final = "evald"
"""On which processes tell each other what is new; the notice is a word and mostly the id of a run."""
WORK: Final = "work"
"""The notice that there are entries to take."""
SILENT_AFTER: Final = 3.0
"""Seconds without a sign of life after which the entry of a worker is taken over by another."""
LIVE_WITHIN: Final = 1.5
"""Seconds within which a worker has given a sign of life if it is there and not paused."""
LOG_KEPT: Final = timedelta(hours=6)

_BEGIN: Final = QueueEntrypoint("evald.begin")
_FIRST: Final = 2**30
"""The priority of entries that begin a run: before all chunks."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the queue that was taken from it, and is ours until another worker takes it over."""

    id: int
    claim: UUID
    """Of this one taking: whoever takes the entry later has another one."""
    run_id: str
    position: int | None
    """The chunk, or None for the entry that begins the run."""


async def queue_run(connection: AsyncConnection, run_id: str) -> None:
    """Have a run begun: its rows read, its chunks queued. A second call changes nothing."""
    queries = await queries_of(connection)
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
    queries = await queries_of(connection)
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
    jobs = await (await queries_of(connection)).dequeue(
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


def _entrypoint(run_id: str) -> QueueEntrypoint:
    return QueueEntrypoint(f"evald.chunk.{run_id}")


def _begin_key(run_id: str) -> str:
    return f"{run_id}/begin"


def _payload(run_id: str, position: int | None) -> bytes:
    return orjson.dumps([run_id, position])


_RENEW: Final = f"""
    UPDATE {TABLE} AS entry SET heartbeat = now()
    FROM unnest($1::bigint[], $2::uuid[]) AS held (id, claim)
    WHERE entry.id = held.id AND entry.queue_manager_id = held.claim
    RETURNING held.claim
"""
_TO_STOP: Final = """
    SELECT held.id FROM unnest($1::text[]) AS held (id)
    LEFT JOIN runs ON runs.id = held.id AND runs.status IN ('queued', 'in_progress')
    WHERE runs.id IS NULL OR runs.stop_asked_at IS NOT NULL
"""
_NOTIFY = text("SELECT pg_notify(:channel, :notice)")
_FRONT = on_queue(
    "SELECT coalesce(max(priority), 0) FROM {queue} "
    f"WHERE status = 'queued' AND priority < {_FIRST}"
)
# Most looks find nothing, and PgQueuer's statement costs several times as much.
_TO_TAKE = on_queue(
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
_HOLD = on_queue(f"SELECT id FROM {{queue}} WHERE {_OURS} FOR UPDATE")
_END = on_queue(f"DELETE FROM {{queue}} WHERE {_OURS}")
_HAND_BACK = on_queue(
    f"UPDATE {{queue}} SET status = 'queued', queue_manager_id = NULL WHERE {_OURS}"
)
_OF_RUN = "(dedupe_key = :begin OR entrypoint = :chunks)"
_DROP = on_queue(f"DELETE FROM {{queue}} WHERE {_OF_RUN}")
_DROP_WAITING = on_queue(f"DELETE FROM {{queue}} WHERE {_OF_RUN} AND status = 'queued'")
_HELD = on_queue(
    f"SELECT count(*) FROM {{queue}} WHERE {_OF_RUN} AND status = 'picked' "
    f"AND heartbeat > now() - interval '{LIVE_WITHIN} seconds'"
)
_WITHOUT_ENTRY = on_queue(
    "SELECT id FROM runs WHERE status IN ('queued', 'in_progress') AND stop_asked_at IS NULL "
    "AND NOT EXISTS (SELECT FROM {queue} AS chunk "
    "WHERE chunk.entrypoint = 'evald.chunk.' || runs.id AND chunk.status = 'queued') "
    "AND NOT EXISTS (SELECT FROM {queue} AS taken "
    "WHERE taken.entrypoint = 'evald.chunk.' || runs.id AND taken.status = 'picked') "
    "AND NOT EXISTS (SELECT FROM {queue} AS start "
    "WHERE start.entrypoint = :begin AND start.dedupe_key = runs.id || '/begin') ORDER BY seq"
)
_DROP_OF_ENDED = on_queue(
    "DELETE FROM {queue} AS entry WHERE NOT EXISTS ("
    "SELECT FROM runs WHERE runs.status IN ('queued', 'in_progress') "
    "AND runs.id = split_part(entry.dedupe_key, '/', 1))"
)
_FORGET = text(f"DELETE FROM {LOG_TABLE} WHERE created < now() - cast(:kept AS interval)")
