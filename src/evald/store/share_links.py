"""The statements on share links: by which a run's report can be read without a key."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.projects import ProjectId
from evald.store.tables import evals, runs, share_links


@dataclass(frozen=True, slots=True)
class ShareLink:
    """A share link that is in force."""

    id: str
    run_id: str
    created_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class SharedRun:
    """The run that a share link opens."""

    project_id: ProjectId
    eval_id: str
    run_id: str


async def insert_link(connection: AsyncConnection, new: ShareLink) -> None:
    """Add a share link; those whose time is over are removed first, revoked ones among them."""
    await connection.execute(delete(share_links).where(share_links.c.expires_at <= new.created_at))
    await connection.execute(
        insert(share_links).values(
            id=new.id, run_id=new.run_id, created_at=new.created_at, expires_at=new.expires_at
        )
    )


async def links_of_run(connection: AsyncConnection, run_id: str, now: float) -> list[ShareLink]:
    """Give the share links of a run that are in force, the newest first."""
    found = await connection.execute(
        select(share_links)
        .where(share_links.c.run_id == run_id, *_in_force(now))
        .order_by(share_links.c.created_at.desc(), share_links.c.id.desc())
    )
    return [ShareLink(row.id, row.run_id, row.created_at, row.expires_at) for row in found]


async def count_links(connection: AsyncConnection, run_id: str, now: float) -> int:
    """Give how many share links of a run are in force."""
    found = await connection.execute(
        select(func.count())
        .select_from(share_links)
        .where(share_links.c.run_id == run_id, *_in_force(now))
    )
    return int(found.scalar_one())


async def run_of_link(connection: AsyncConnection, link_id: str, now: float) -> SharedRun | None:
    """Give the run that a share link opens, or None where it is over, revoked or unknown."""
    found = await connection.execute(
        select(evals.c.project_id, runs.c.eval_id, runs.c.id)
        .join(runs, runs.c.eval_id == evals.c.id)
        .join(share_links, share_links.c.run_id == runs.c.id)
        .where(share_links.c.id == link_id, *_in_force(now))
    )
    row = found.one_or_none()
    return None if row is None else SharedRun(ProjectId(row.project_id), row.eval_id, row.id)


async def revoke_link(connection: AsyncConnection, run_id: str, link_id: str, now: float) -> None:
    """Put a run's share link out of force; one that is not in force stays as it is."""
    await connection.execute(
        update(share_links)
        .where(share_links.c.id == link_id, share_links.c.run_id == run_id, *_in_force(now))
        .values(revoked_at=int(now))
    )


def _in_force(now: float) -> list[ColumnElement[bool]]:
    return [share_links.c.expires_at > int(now), share_links.c.revoked_at.is_(None)]
