"""The statements on idempotency keys: what a create answered, for when it is asked for again."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Executable, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.projects import ProjectId
from evald.errors import KeyTaken
from evald.store.tables import idempotency_keys

LIFETIME: Final = 24 * 60 * 60
"""Seconds for which a key is known, unless what was made under it is deleted before."""


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The key that a client gave a create.

    It is known by its project and route: in another, or on another, it is another key.
    """

    project_id: ProjectId
    route: str
    """The path, without the prefix under which it was asked for."""
    key: str
    body_hash: str
    """The sha-256 of the request's body, in hexadecimal."""


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    """What the first request under a key made, and the answer to it."""

    eval_id: str
    run_id: str | None
    """None where the eval itself was made."""
    answer: bytes
    """JSON text, in the live form."""


async def insert_key(
    connection: AsyncConnection, key: IdempotencyKey, first: FirstAnswer, now: int
) -> None:
    """Keep the answer to a create, in the transaction that inserts what it made.

    Keys that are expired are removed first. Raises KeyTaken when another request came before; then
    the transaction must not be committed.
    """
    await expire_keys(connection, now)
    inserted = await connection.execute(
        _INSERT[connection.dialect.name],
        {
            "project_id": key.project_id,
            "route": key.route,
            "key": key.key,
            "body_hash": key.body_hash,
            "answer": first.answer.decode(),
            "created_at": now,
            "eval_id": first.eval_id,
            "run_id": first.run_id,
        },
    )
    if inserted.rowcount != 1:
        raise KeyTaken(key.key)


async def find_key(
    connection: AsyncConnection, project_id: ProjectId, route: str, key: str, now: float
) -> tuple[str, str] | None:
    """Give the hash of the first body under a key, and the answer to it; None if it is not known."""
    found = await connection.execute(
        select(idempotency_keys.c.body_hash, idempotency_keys.c.answer).where(
            idempotency_keys.c.project_id == project_id,
            idempotency_keys.c.route == route,
            idempotency_keys.c.key == key,
            idempotency_keys.c.created_at > int(now) - LIFETIME,
        )
    )
    row = found.one_or_none()
    return None if row is None else (row.body_hash, row.answer)


async def expire_keys(connection: AsyncConnection, now: float) -> None:
    """Remove the keys whose time is over."""
    await connection.execute(
        delete(idempotency_keys).where(idempotency_keys.c.created_at <= int(now) - LIFETIME)
    )


def _insert(dialect: Any) -> Executable:
    inserted: Executable = dialect.insert(idempotency_keys).on_conflict_do_nothing(
        index_elements=["project_id", "route", "key"]
    )
    return inserted


_INSERT = {"sqlite": _insert(sqlite), "postgresql": _insert(postgresql)}
