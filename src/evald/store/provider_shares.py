"""The statements by which processes on one Postgres share the limits of a provider.

Times are the database's, in Unix seconds: the clocks of machines differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Float, bindparam, delete, func, literal_column, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.rules.shares import Share
from evald.rules.start_times import Pace
from evald.store.tables import provider_shares, provider_starts

LOCK: Final = 0x6576616C69
"""The number of Postgres's advisory lock under which a process changes its shares."""
CHANNEL: Final = "evald"
"""The channel on which processes notify each other."""

shares = provider_shares.c
starts = provider_starts.c
_NOW = literal_column("EXTRACT(EPOCH FROM clock_timestamp())::float8", Float)


async def begin_beat(connection: AsyncConnection) -> float:
    """Wait until no other process changes its shares, and give the time.

    A process that is stopped in the middle of it does not hold up the others: Postgres ends what it
    has begun after half a second.
    """
    return float((await connection.execute(_BEGIN, {"lock": LOCK})).one().now)


_BEGIN = text(
    "SELECT set_config('idle_in_transaction_session_timeout', '500', true),"
    " pg_advisory_xact_lock(:lock), EXTRACT(EPOCH FROM clock_timestamp())::float8 AS now"
)


@dataclass(frozen=True, slots=True)
class SeenShare:
    """A share of a provider, and when its process was last there."""

    provider: str
    seen_at: float
    share: Share


async def all_shares(connection: AsyncConnection, providers: Sequence[str]) -> list[SeenShare]:
    """Give the shares of all processes in these providers, also of those that are gone."""
    found = await connection.execute(_ALL, {"providers": providers})
    return [
        SeenShare(
            row.provider,
            row.seen_at,
            Share(row.process_id, row.max_concurrency, row.wanted, row.granted, row.turn_at),
        )
        for row in found
    ]


_ALL = select(provider_shares).where(shares.provider.in_(bindparam("providers", expanding=True)))


async def save_shares(connection: AsyncConnection, own: Sequence[tuple[str, Share]]) -> None:
    """Save the shares of one process, each with the name of its provider; it is there now."""
    await connection.execute(_SAVE, [_values(provider, share) for provider, share in own])


def _values(provider: str, share: Share) -> dict[str, Any]:
    return {
        "provider": provider,
        "process_id": share.process_id,
        "max_concurrency": share.limit,
        "wanted": share.wanted,
        "granted": share.granted,
        "turn_at": share.turn_at,
    }


_NEW = insert(provider_shares).values(seen_at=_NOW)
_SAVE = _NEW.on_conflict_do_update(
    index_elements=[shares.provider, shares.process_id],
    set_={
        name: _NEW.excluded[name]
        for name in ("max_concurrency", "wanted", "granted", "turn_at", "seen_at")
    },
)


async def drop_shares(connection: AsyncConnection, process_ids: Sequence[str]) -> None:
    """Forget processes: their shares are free."""
    await connection.execute(delete(provider_shares).where(shares.process_id.in_(process_ids)))


async def notify(connection: AsyncConnection, payload: str) -> None:
    """Tell all processes something, when this transaction is committed."""
    await connection.execute(_NOTIFY, {"channel": CHANNEL, "payload": payload})


_NOTIFY = text("SELECT pg_notify(:channel, :payload)")


async def take_start_times(
    connection: AsyncConnection, provider: str, pace: Pace, number: int
) -> float:
    """Take the next start times of a provider, so many, and give the seconds until the first one.

    It may lie in the past, by the pace's `catch_up` at most.
    """
    numbers = {"length": number * pace.interval, "catch_up": pace.catch_up}
    taken = (await connection.execute(_TAKE, {"of_provider": provider, **numbers})).one()
    return float(taken.next_at - numbers["length"] - taken.now)


_EARLIEST = _NOW - bindparam("catch_up", type_=Float)
_LENGTH = bindparam("length", type_=Float)
_TAKE = (
    insert(provider_starts)
    .values(provider=bindparam("of_provider"), next_at=_EARLIEST + _LENGTH)
    .on_conflict_do_update(
        index_elements=[starts.provider],
        set_={"next_at": func.greatest(starts.next_at, _EARLIEST) + _LENGTH},
    )
    .returning(starts.next_at, _NOW.label("now"))
)
