"""The statements on webhook deliveries: the queue of what is to be sent, and what became of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from sqlalchemy import Row, Select, delete, insert, literal, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.projects import ProjectId
from evald.contract.webhooks import Delivery, DeliveryStatus, Event
from evald.ids import new_id
from evald.rules.paging import PageRequest
from evald.store import leases
from evald.store.pages import Page, page_of_rows
from evald.store.tables import webhook_deliveries, webhook_endpoints

table = webhook_deliveries.c
endpoints = webhook_endpoints.c

KEPT_FOR: Final = 7 * 24 * 60 * 60
"""Seconds for which a delivery is kept after it has ended."""
RECORDED: Final = "webhooks"
"""What is notified on the channel `evald` of Postgres when there is something to be sent."""
_NOTIFY: Final = text(f"SELECT pg_notify('evald', '{RECORDED}')")


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery whose time has come, with all that it takes to send it."""

    id: str
    endpoint_id: str
    event_type: str
    body: str
    created_at: float
    attempts: int
    url: str
    config_name: str | None
    secrets: tuple[str, ...] = field(repr=False)
    """Those of the database; an endpoint of the config file has none there."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of one attempt. Times are Unix seconds with fractions."""

    delivery_id: str
    number: int
    """How many attempts were made before it."""
    at: float
    status: DeliveryStatus
    status_code: int | None
    error: str | None
    next_attempt_at: float | None


async def record_event(
    connection: AsyncConnection, project_id: ProjectId, event: Event, now: float
) -> None:
    """Have each endpoint of a project told of an event that asks for its type.

    Called in the transaction in which it happens, so that both are there or neither.
    """
    found = await connection.execute(
        select(endpoints.id, endpoints.event_types)
        .where(endpoints.project_id == project_id, endpoints.disabled_at.is_(None))
        # On Postgres one of them could be deleted before the end of the transaction, and break it.
        .with_for_update(read=True, key_share=True)
    )
    told = [row.id for row in found if event.type in orjson.loads(row.event_types)]
    if told:
        body = event.as_text()
        await connection.execute(
            insert(webhook_deliveries), [_new(each, event, body, now) for each in told]
        )
        if connection.dialect.name == "postgresql":
            await connection.execute(_NOTIFY)


def _new(endpoint_id: str, event: Event, body: str, now: float) -> dict[str, object]:
    return {
        "id": new_id("wh"),
        "endpoint_id": endpoint_id,
        "event_id": event.id,
        "event_type": event.type,
        "run_id": event.run_id,
        "body": body,
        "created_at": now,
        "status": "pending",
        "next_attempt_at": now,
    }


async def next_times(
    connection: AsyncConnection, configured: Collection[str]
) -> Mapping[str, float]:
    """Give, for each endpoint that is to be sent something, when the first of it is due.

    Left out are those to which somebody sends already, and those of the config file of other servers:
    `configured` are the names of our own.
    """
    # Not "is not null": SQLite would look at all that has ended on the way to what has not.
    first = (
        select(table.next_attempt_at)
        .where(table.endpoint_id == endpoints.id, table.next_attempt_at > 0)
        .order_by(table.next_attempt_at)
        .limit(1)
        .scalar_subquery()
    )
    found = await connection.execute(
        select(endpoints.id, first.label("first")).where(
            or_(endpoints.config_name.is_(None), endpoints.config_name.in_(configured)),
            ~leases.is_held(literal(_LANE) + endpoints.id),
        )
    )
    return {row.id: row.first for row in found if row.first is not None}


_LANE: Final = "webhooks "
"""What the names of the leases begin with, behind which the id of the endpoint stands."""


async def take_lane(
    connection: AsyncConnection, endpoint_id: str, holder: str, seconds: float
) -> bool:
    """Be the one who sends to an endpoint for some seconds; say whether that is so."""
    return await leases.hold(connection, _LANE + endpoint_id, holder, seconds)


async def keep_lane(
    connection: AsyncConnection, endpoint_id: str, holder: str, seconds: float
) -> None:
    """Go on being the one who sends to an endpoint, unless another one has taken over."""
    await leases.renew(connection, _LANE + endpoint_id, holder, seconds)


async def leave_lane(connection: AsyncConnection, endpoint_id: str, holder: str) -> None:
    """Leave an endpoint to others."""
    await leases.let_go(connection, _LANE + endpoint_id, holder)


async def due_deliveries(
    connection: AsyncConnection, endpoint_id: str, now: float, number: int
) -> list[Due]:
    """Give some deliveries to an endpoint whose time has come, the longest waiting first."""
    found = await connection.execute(
        _DUE.join(webhook_endpoints, endpoints.id == table.endpoint_id)
        .where(table.endpoint_id == endpoint_id, table.next_attempt_at <= now)
        .order_by(table.next_attempt_at, table.seq)
        .limit(number)
    )
    return [_due(row, now) for row in found]


async def sample_delivery(
    connection: AsyncConnection, endpoint_id: str, event: Event, now: float
) -> Due | None:
    """Give a delivery that nothing is kept of, for an endpoint to be tested with; None if it is gone."""
    found = await connection.execute(_ADDRESS.where(endpoints.id == endpoint_id))
    row = found.one_or_none()
    if row is None:
        return None
    return Due(
        id=new_id("wh"),
        endpoint_id=endpoint_id,
        event_type=event.type,
        body=event.as_text(),
        created_at=now,
        attempts=0,
        url=row.url,
        config_name=row.config_name,
        secrets=_secrets(row, now),
    )


_ADDRESS: Select[Any] = select(
    endpoints.url,
    endpoints.config_name,
    endpoints.secret,
    endpoints.old_secret,
    endpoints.old_secret_until,
)
_DUE: Select[Any] = _ADDRESS.add_columns(
    table.id,
    table.endpoint_id,
    table.event_type,
    table.body,
    table.created_at,
    table.attempts,
)


def _due(row: Row[Any], now: float) -> Due:
    return Due(
        id=row.id,
        endpoint_id=row.endpoint_id,
        event_type=row.event_type,
        body=row.body,
        created_at=row.created_at,
        attempts=row.attempts,
        url=row.url,
        config_name=row.config_name,
        secrets=_secrets(row, now),
    )


def _secrets(row: Row[Any], now: float) -> tuple[str, ...]:
    old = (
        row.old_secret if row.old_secret_until is not None and now < row.old_secret_until else None
    )
    return tuple(each for each in (row.secret, old) if each is not None)


async def save_attempts(connection: AsyncConnection, attempts: Sequence[Attempt]) -> None:
    """Save what became of some attempts; a delivery that is over or gone stays as it is.

    So does one of which somebody else has saved an attempt meanwhile, unless this one arrived.
    """
    for each in attempts:
        is_next = [] if each.status == "delivered" else [table.attempts == each.number]
        await connection.execute(
            update(webhook_deliveries)
            .where(table.id == each.delivery_id, table.status == "pending", *is_next)
            .values(
                attempts=table.attempts + 1,
                status=each.status,
                last_attempt_at=each.at,
                next_attempt_at=each.next_attempt_at,
                status_code=each.status_code,
                error=each.error,
                ended_at=None if each.status == "pending" else each.at,
            )
        )


async def list_deliveries(
    connection: AsyncConnection, endpoint_id: str, page: PageRequest
) -> Page[Delivery]:
    """Give one page of the deliveries to an endpoint."""
    shown = [column for column in table if column.name not in ("body", "ended_at")]
    rows, more = await page_of_rows(
        connection,
        select(*shown),
        [table.seq],
        page,
        id_column=table.id,
        members=[table.endpoint_id == endpoint_id],
    )
    return Page(tuple(_delivery(row) for row in rows), more)


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        endpoint_id=row.endpoint_id,
        event_id=row.event_id,
        event_type=row.event_type,
        run_id=row.run_id,
        created_at=row.created_at,
        status=row.status,
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
        last_attempt_at=row.last_attempt_at,
        status_code=row.status_code,
        error=row.error,
    )


async def remove_old(connection: AsyncConnection, now: float) -> None:
    """Remove the deliveries that ended long ago, and the leases that nobody ended."""
    await leases.forget_old(connection)
    await connection.execute(delete(webhook_deliveries).where(table.ended_at <= now - KEPT_FOR))
