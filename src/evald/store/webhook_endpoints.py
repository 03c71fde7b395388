"""The statements on webhook endpoints. Their secrets leave the store only where webhooks are signed."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import orjson
from sqlalchemy import Row, Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.projects import ProjectId
from evald.contract.webhooks import WebhookEndpoint
from evald.errors import BadRequest, NotFound
from evald.rules import json_text
from evald.rules.paging import PageRequest
from evald.store.pages import Page, page_of_rows
from evald.store.tables import webhook_deliveries, webhook_endpoints
from evald.store.turns import CONFIGURING, is_free, number_of_webhook, take_turns

table = webhook_endpoints.c

MOST_ENDPOINTS: Final = 100
"""Endpoints of one project that the API makes; each may keep some connections open."""
OLD_SECRET_LIFE: Final = 24 * 60 * 60
"""Seconds for which the secret before a rotation goes on signing, if that is asked for."""


async def insert_endpoint(connection: AsyncConnection, new: WebhookEndpoint, secret: str) -> None:
    """Add an endpoint that was made through the API. Raises BadRequest when there are too many."""
    found = await connection.execute(
        select(func.count())
        .select_from(webhook_endpoints)
        .where(table.project_id == new.project_id, table.config_name.is_(None))
    )
    if found.scalar_one() >= MOST_ENDPOINTS:
        raise BadRequest(
            f"There are {MOST_ENDPOINTS} webhook endpoints already. Delete one that nobody needs.",
            code="too_many_webhook_endpoints",
        )
    await connection.execute(insert(webhook_endpoints).values(**_values(new), secret=secret))


async def get_endpoint(
    connection: AsyncConnection, project_id: ProjectId, endpoint_id: str
) -> WebhookEndpoint:
    """Give an endpoint of this project. Raises NotFound."""
    return await _one(connection, _ENDPOINTS, project_id, endpoint_id)


async def hold_endpoint(
    connection: AsyncConnection, project_id: ProjectId, endpoint_id: str
) -> WebhookEndpoint:
    """Give an endpoint that nobody else changes before this transaction ends. Raises NotFound."""
    return await _one(connection, _ENDPOINTS.with_for_update(), project_id, endpoint_id)


async def _one(
    connection: AsyncConnection, which: Select[Any], project_id: ProjectId, endpoint_id: str
) -> WebhookEndpoint:
    found = await connection.execute(
        which.where(table.id == endpoint_id, table.project_id == project_id)
    )
    row = found.one_or_none()
    if row is None:
        raise NotFound(
            f"No webhook endpoint found with id '{endpoint_id[:80]}'.", param="webhook_endpoint_id"
        )
    return _endpoint(row)


async def list_endpoints(
    connection: AsyncConnection, project_id: ProjectId, page: PageRequest
) -> Page[WebhookEndpoint]:
    """Give one page of the endpoints of a project."""
    rows, more = await page_of_rows(
        connection,
        _ENDPOINTS,
        [table.created_at, table.seq],
        page,
        id_column=table.id,
        members=[table.project_id == project_id],
    )
    return Page(tuple(_endpoint(row) for row in rows), more)


async def update_endpoint(connection: AsyncConnection, changed: WebhookEndpoint) -> None:
    """Save what can change of an endpoint."""
    await connection.execute(
        update(webhook_endpoints).where(table.id == changed.id).values(**_values(changed))
    )


async def rotate_secret(
    connection: AsyncConnection, rotated: WebhookEndpoint, secret: str, *, old_until: int | None
) -> None:
    """Give an endpoint a new secret; the old one goes on signing until a time, if there is one."""
    await update_endpoint(connection, rotated)
    await connection.execute(
        update(webhook_endpoints)
        .where(table.id == rotated.id)
        .values(
            secret=secret,
            old_secret=None if old_until is None else table.secret,
            old_secret_until=old_until,
        )
    )


async def delete_endpoint(connection: AsyncConnection, endpoint_id: str) -> None:
    """Remove an endpoint with what was to be delivered to it."""
    await connection.execute(delete(webhook_endpoints).where(table.id == endpoint_id))


async def disable_endpoint(
    connection: AsyncConnection, endpoint_id: str, url: str, now: float
) -> None:
    """Send nothing more to an endpoint, unless it has moved to another URL meanwhile."""
    disabled = await connection.execute(
        update(webhook_endpoints)
        .where(table.id == endpoint_id, table.url == url)
        .values(disabled_at=int(now))
    )
    if disabled.rowcount:
        await connection.execute(
            update(webhook_deliveries)
            .where(
                webhook_deliveries.c.endpoint_id == endpoint_id,
                webhook_deliveries.c.next_attempt_at > 0,
            )
            .values(
                status="failed",
                error="The endpoint said of another event that it is gone.",
                next_attempt_at=None,
                ended_at=now,
            )
        )


async def keep_configured(
    connection: AsyncConnection, configured: Sequence[WebhookEndpoint], now: int
) -> None:
    """Make the endpoints of the config file those that stand in it now.

    One that stood in it before keeps its id, and gets events again if it was disabled. One that stands
    in it no more is removed, unless another server that is up has it in its file.
    """
    await take_turns(connection, CONFIGURING)
    found = await connection.execute(_ENDPOINTS.where(table.config_name.is_not(None)))
    known = {row.config_name: _endpoint(row) for row in found}
    for each in configured:
        before = known.pop(each.config_name, None)
        if before is None:
            await connection.execute(insert(webhook_endpoints).values(**_values(each)))
        else:
            same = replace(each, id=before.id, created_at=before.created_at)
            unchanged = replace(before, disabled_at=None) == replace(
                same, updated_at=before.updated_at
            )
            updated_at = before.updated_at if unchanged else now
            await update_endpoint(connection, replace(same, updated_at=updated_at))
    for name, gone in known.items():
        if await is_free(connection, number_of_webhook(name)):
            await delete_endpoint(connection, gone.id)


_ENDPOINTS: Select[Any] = select(
    *(column for column in table if column.name not in ("secret", "old_secret", "old_secret_until"))
)


def _values(endpoint: WebhookEndpoint) -> dict[str, object]:
    return {
        "id": endpoint.id,
        "project_id": endpoint.project_id,
        "name": endpoint.name,
        "url": endpoint.url,
        "event_types": json_text.dump(list(endpoint.event_types)),
        "config_name": endpoint.config_name,
        "secret_hint": endpoint.secret_hint,
        "created_at": endpoint.created_at,
        "updated_at": endpoint.updated_at,
        "disabled_at": endpoint.disabled_at,
    }


def _endpoint(row: Row[Any]) -> WebhookEndpoint:
    return WebhookEndpoint(
        id=row.id,
        project_id=ProjectId(row.project_id),
        name=row.name,
        url=row.url,
        event_types=tuple(orjson.loads(row.event_types)),
        secret_hint=row.secret_hint,
        created_at=row.created_at,
        updated_at=row.updated_at,
        config_name=row.config_name,
        disabled_at=row.disabled_at,
    )
