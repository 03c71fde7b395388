"""The statements on projects and on the keys of their programs. Of a key only its hash is kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.projects import ApiKey, ProjectId
from evald.store.tables import api_keys, projects


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that is about to be inserted."""

    id: str
    project_id: ProjectId
    name: str
    hash: str
    hint: str
    created_at: int


@dataclass(frozen=True, slots=True)
class KeyInForce:
    """A key that is taken, and for what."""

    id: str
    project_id: ProjectId
    project: str
    """The name of the project."""


@dataclass(frozen=True, slots=True)
class KeysInForce:
    """All keys that are taken."""

    by_hash: Mapping[str, KeyInForce]
    were_made: bool
    """Whether there ever was a key, also if all are revoked by now."""


async def find_project(connection: AsyncConnection, name: str) -> ProjectId | None:
    """Give the project of this name, or None."""
    found = await connection.execute(select(projects.c.id).where(projects.c.name == name))
    number: int | None = found.scalar_one_or_none()
    return None if number is None else ProjectId(number)


async def project_ids(connection: AsyncConnection) -> list[ProjectId]:
    """Give all projects."""
    found = await connection.execute(select(projects.c.id).order_by(projects.c.id))
    return [ProjectId(number) for number in found.scalars()]


async def insert_project(connection: AsyncConnection, name: str, now: int) -> ProjectId:
    """Add a project and give it. Its name must be free."""
    inserted = await connection.execute(insert(projects).values(name=name, created_at=now))
    assert inserted.inserted_primary_key is not None
    return ProjectId(inserted.inserted_primary_key[0])


async def insert_key(connection: AsyncConnection, new: NewKey) -> None:
    """Add a key."""
    await connection.execute(
        insert(api_keys).values(
            id=new.id,
            project_id=new.project_id,
            name=new.name,
            hash=new.hash,
            hint=new.hint,
            created_at=new.created_at,
        )
    )


async def list_keys(connection: AsyncConnection) -> list[ApiKey]:
    """Give all keys, also those that are revoked, in the order in which they were made."""
    found = await connection.execute(_LISTED.order_by(api_keys.c.seq))
    return [_key(row) for row in found]


async def list_keys_of(connection: AsyncConnection, project_id: ProjectId) -> list[ApiKey]:
    """Give the keys of one project as `list_keys` does, the newest first."""
    found = await connection.execute(
        _LISTED.where(api_keys.c.project_id == project_id).order_by(api_keys.c.seq.desc())
    )
    return [_key(row) for row in found]


async def find_api_key(connection: AsyncConnection, key_id: str) -> ApiKey | None:
    """Give the key of this id, or None."""
    found = await connection.execute(_LISTED.where(api_keys.c.id == key_id))
    row = found.one_or_none()
    return None if row is None else _key(row)


async def revoke_key(connection: AsyncConnection, key_id: str, now: int) -> bool:
    """Put a key out of force; say whether it was in force."""
    revoked = await connection.execute(
        update(api_keys)
        .where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    return revoked.rowcount == 1


async def keys_in_force(connection: AsyncConnection) -> KeysInForce:
    """Give the keys that are taken now."""
    found = await connection.execute(
        select(api_keys.c.hash, api_keys.c.id, api_keys.c.project_id, projects.c.name)
        .join(projects, projects.c.id == api_keys.c.project_id)
        .where(api_keys.c.revoked_at.is_(None))
    )
    by_hash = {row.hash: KeyInForce(row.id, ProjectId(row.project_id), row.name) for row in found}
    were_made = bool(by_hash) or await _was_made(connection)
    return KeysInForce(by_hash, were_made)


async def _was_made(connection: AsyncConnection) -> bool:
    found = await connection.execute(select(api_keys.c.seq).limit(1))
    return found.scalar_one_or_none() is not None


_LISTED: Select[Any] = select(
    api_keys.c.id,
    projects.c.name.label("project"),
    api_keys.c.name,
    api_keys.c.hint,
    api_keys.c.created_at,
    api_keys.c.revoked_at,
).join(projects, projects.c.id == api_keys.c.project_id)


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(row.id, row.project, row.name, row.hint, row.created_at, row.revoked_at)
