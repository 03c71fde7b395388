"""The statements on sessions: readers of the pages who have signed in with a key."""

from dataclasses import dataclass

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.projects import ProjectId
from evald.store.api_keys import KeyInForce
from evald.store.tables import api_keys, projects, sessions


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that begins."""

    hash: str
    """That of its token."""
    key_id: str
    expires_at: int


async def insert_session(connection: AsyncConnection, new: NewSession, now: int) -> None:
    """Add a session; those whose time is over are removed first."""
    await connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
    await connection.execute(
        insert(sessions).values(hash=new.hash, key_id=new.key_id, expires_at=new.expires_at)
    )


async def key_of_session(
    connection: AsyncConnection, session_hash: str, now: float
) -> KeyInForce | None:
    """Give the key that a session began with, or None where it is over or the key is revoked."""
    found = await connection.execute(
        select(api_keys.c.id, api_keys.c.project_id, projects.c.name)
        .join(sessions, sessions.c.key_id == api_keys.c.id)
        .join(projects, projects.c.id == api_keys.c.project_id)
        .where(
            sessions.c.hash == session_hash,
            sessions.c.expires_at > int(now),
            api_keys.c.revoked_at.is_(None),
        )
    )
    row = found.one_or_none()
    return None if row is None else KeyInForce(row.id, ProjectId(row.project_id), row.name)


async def delete_session(connection: AsyncConnection, session_hash: str) -> None:
    """Remove a session."""
    await connection.execute(delete(sessions).where(sessions.c.hash == session_hash))
