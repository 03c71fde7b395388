"""Statements on tables of what is kept whole: each object has a project, an id and JSON texts."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Table, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.projects import ProjectId


def are(table: Table, project_id: ProjectId, ids: Sequence[str]) -> list[ColumnElement[bool]]:
    """Give what holds of the objects of a project that have one of these ids."""
    return [table.c.project_id == project_id, table.c.id.in_(ids)]


def is_one(table: Table, project_id: ProjectId, object_id: str) -> list[ColumnElement[bool]]:
    """Give what holds of the object of a project that has this id."""
    return [table.c.project_id == project_id, table.c.id == object_id]


async def known_ids(
    table: Table, connection: AsyncConnection, project_id: ProjectId, ids: Sequence[str]
) -> set[str]:
    """Give those of these ids that are taken in a project."""
    found = await connection.execute(select(table.c.id).where(*are(table, project_id, ids)))
    return set(found.scalars())


async def known_bodies(
    table: Table, connection: AsyncConnection, project_id: ProjectId, ids: Sequence[str]
) -> dict[str, str]:
    """Give the JSON texts of those of these objects that a project has, by their ids."""
    found = await connection.execute(
        select(table.c.id, table.c.body).where(*are(table, project_id, ids))
    )
    return {row.id: row.body for row in found}


async def text_of(
    table: Table,
    connection: AsyncConnection,
    column: ColumnElement[str],
    project_id: ProjectId,
    object_id: str,
) -> str | None:
    """Give a text of an object, or None where the project has no object of this id."""
    found = await connection.execute(select(column).where(*is_one(table, project_id, object_id)))
    text: str | None = found.scalar_one_or_none()
    return text


async def delete_old(
    table: Table, connection: AsyncConnection, project_id: ProjectId, before: int, number: int
) -> list[str]:
    """Remove the oldest objects of a project, those from before a time; give their ids.

    They are `number` at most.
    """
    oldest = (
        select(table.c.seq, table.c.id)
        .where(table.c.project_id == project_id, table.c.created_at < before)
        .order_by(table.c.created_at, table.c.seq)
        .limit(number)
    )
    found = (await connection.execute(oldest)).all()
    if found:
        await connection.execute(delete(table).where(table.c.seq.in_([row.seq for row in found])))
    return [row.id for row in found]
