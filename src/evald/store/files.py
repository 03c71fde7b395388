"""The statements on files. Their bytes are kept in parts, so that no upload is held in memory.

They live in the database and not in a folder, so that every machine that reaches the database reaches
them, and a file and its bytes come and go together.
"""

from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Executable,
    Row,
    delete,
    exists,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.files import File
from evald.contract.projects import ProjectId
from evald.errors import NotFound
from evald.rules.paging import PageRequest
from evald.store import leases
from evald.store.pages import Page, page_of_rows
from evald.store.tables import file_parts, files, runs

PART_SIZE = 1024 * 1024
RECEIVED_FOR: Final = 60.0
"""Seconds without a further part after which an upload is one that nobody receives any more."""
_UPLOAD: Final = "upload "
"""What the names of the leases begin with, behind which the id of the file stands."""


async def begin_upload(connection: AsyncConnection, file: File, receiver: str) -> bool:
    """Add a file whose bytes are still to come; nobody sees it yet. Say whether its id was free.

    `receiver` is a name for this one upload. What it does not go on with for RECEIVED_FOR is removed.
    """
    begun = await connection.execute(
        _BEGIN[connection.dialect.name],
        {
            "id": file.id,
            "project_id": file.project_id,
            "filename": file.filename,
            "purpose": file.purpose,
            "bytes": 0,
            "created_at": file.created_at,
            "expires_at": file.expires_at,
            "state": "uploading",
        },
    )
    name = _UPLOAD + file.id
    return begun.rowcount == 1 and await leases.hold(connection, name, receiver, RECEIVED_FOR)


def _begin(dialect: Any) -> Executable:
    begun: Executable = dialect.insert(files).on_conflict_do_nothing(index_elements=["id"])
    return begun


_BEGIN = {"sqlite": _begin(sqlite), "postgresql": _begin(postgresql)}


async def _is_received(connection: AsyncConnection, file_id: str, receiver: str) -> bool:
    """Say whether an upload is still its receiver's, and that it goes on."""
    return await leases.renew(connection, _UPLOAD + file_id, receiver, RECEIVED_FOR)


async def add_part(
    connection: AsyncConnection, file_id: str, position: int, content: bytes, receiver: str
) -> bool:
    """Add the next part of an upload; say whether it was still there to take it."""
    if not await _is_received(connection, file_id, receiver):
        return False
    added = await connection.execute(
        insert(file_parts).from_select(
            ["file_id", "position", "content"],
            select(files.c.id, literal(position), literal(content)).where(
                files.c.id == file_id, files.c.state == "uploading"
            ),
        )
    )
    return added.rowcount == 1


async def finish_upload(
    connection: AsyncConnection, file_id: str, size: int, receiver: str
) -> bool:
    """Make an uploaded file visible; say whether it was still there."""
    if not await _is_received(connection, file_id, receiver):
        return False
    finished = await connection.execute(
        update(files)
        .where(files.c.id == file_id, files.c.state == "uploading")
        .values(state="ready", bytes=size)
    )
    await leases.let_go(connection, _UPLOAD + file_id, receiver)
    return finished.rowcount == 1


async def get_file(
    connection: AsyncConnection, project_id: ProjectId, file_id: str, now: float
) -> File:
    """Give a file of this project that is there and not expired. Raises NotFound."""
    found = await connection.execute(
        select(files).where(files.c.id == file_id, *_visible(project_id, now))
    )
    row = found.one_or_none()
    if row is None:
        raise NotFound(f"No file found with id '{file_id[:80]}'.", param="file_id")
    return _file(row)


async def list_files(
    connection: AsyncConnection,
    project_id: ProjectId,
    page: PageRequest,
    purpose: str | None,
    now: float,
) -> Page[File]:
    """Give one page of a project's files, only those of a purpose if one is wanted."""
    rows = select(files)
    if purpose:
        rows = rows.where(files.c.purpose == purpose)
    found, more = await page_of_rows(
        connection,
        rows,
        [files.c.created_at, files.c.seq],
        page,
        id_column=files.c.id,
        members=_visible(project_id, now),
    )
    return Page(tuple(_file(row) for row in found), more)


async def size_of(connection: AsyncConnection, file_id: str) -> int:
    """Give the bytes of a file that a run still has to read; it may be hidden already."""
    found = await connection.execute(select(files.c.bytes).where(files.c.id == file_id))
    return found.scalar_one_or_none() or 0


async def is_there(connection: AsyncConnection, file_id: str) -> bool:
    """Say whether the bytes of a file are there, be it only for runs that still have to read them."""
    found = await connection.execute(select(files.c.seq).where(files.c.id == file_id))
    return found.one_or_none() is not None


async def read_part(connection: AsyncConnection, file_id: str, position: int) -> bytes | None:
    """Give one part of a file's bytes, or None behind its end."""
    found = await connection.execute(
        select(file_parts.c.content).where(
            file_parts.c.file_id == file_id, file_parts.c.position == position
        )
    )
    part: bytes | None = found.scalar_one_or_none()
    return part


async def delete_file(connection: AsyncConnection, file_id: str) -> None:
    """Hide a file, and remove its bytes unless a run still has to read its rows."""
    await connection.execute(update(files).where(files.c.id == file_id).values(state="deleted"))
    await purge_files(connection)


async def drop_upload(connection: AsyncConnection, file_id: str, receiver: str) -> None:
    """Remove an upload that was broken off."""
    if await _is_received(connection, file_id, receiver):
        await connection.execute(
            delete(files).where(files.c.id == file_id, files.c.state == "uploading")
        )
        await leases.let_go(connection, _UPLOAD + file_id, receiver)


async def purge_files(connection: AsyncConnection) -> None:
    """Remove the deleted files that no run has to read any more."""
    unread = exists().where(
        runs.c.unread_file_id == files.c.id, runs.c.status.in_(("queued", "in_progress"))
    )
    await connection.execute(delete(files).where(files.c.state == "deleted", ~unread))


async def drop_broken_uploads(connection: AsyncConnection) -> None:
    """Remove the uploads that nobody receives any more: their server ended in the middle."""
    await connection.execute(
        delete(files).where(
            files.c.state == "uploading", ~leases.is_held(literal(_UPLOAD) + files.c.id)
        )
    )


async def expire_files(connection: AsyncConnection, now: float) -> None:
    """Remove the files whose time is over."""
    await connection.execute(
        update(files)
        .where(files.c.state == "ready", files.c.expires_at <= int(now))
        .values(state="deleted")
    )
    await purge_files(connection)


def _visible(project_id: ProjectId, now: float) -> list[ColumnElement[bool]]:
    alive = files.c.expires_at.is_(None) | (files.c.expires_at > int(now))
    return [files.c.project_id == project_id, files.c.state == "ready", alive]


def _file(row: Row[Any]) -> File:
    return File(
        id=row.id,
        project_id=ProjectId(row.project_id),
        bytes=row.bytes,
        created_at=row.created_at,
        expires_at=row.expires_at,
        filename=row.filename,
        purpose=row.purpose,
    )
