"""Files on their way into the store: their bytes are copied part by part, and checked meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.files import File
from evald.data_sources.rows import LineReader
from evald.errors import BadRequest, Conflict
from evald.ids import new_id
from evald.rules.rows import BadRow
from evald.store import files as file_store
from evald.store.database import Database, DatabaseAway
from evald.store.files import PART_SIZE


class Bytes(Protocol):
    """Bytes that come part by part."""

    async def read(self, size: int) -> bytes:
        """Give the next part, of about this size, or nothing at the end."""
        ...


async def keep_file(
    content: Bytes, file: File, lines: LineReader | None, database: Database, now: float
) -> File:
    """Copy the bytes of a file into the store, part by part; a broken upload leaves nothing behind.

    `lines` checks that it is JSON lines, where that is needed. Raises BadRequest, Conflict when the id
    is taken, and what `content` does.
    """
    receiver = new_id("upload")

    async def make_room(connection: AsyncConnection) -> None:
        await file_store.drop_broken_uploads(connection)
        await file_store.expire_files(connection, now)

    # Uploads are what makes room scarce, so they are when old files go; their ids are free again then.
    await database.write(make_room)
    begin = partial(file_store.begin_upload, file=file, receiver=receiver)
    if not await database.write(begin):
        raise id_taken()

    async def add(position: int, part: bytes) -> None:
        add_part = partial(file_store.add_part, position=position, content=part)
        kept = await database.write(partial(add_part, file_id=file.id, receiver=receiver))
        _check_kept(is_kept=kept)

    try:
        size = await _copy_parts(content, lines, add)
        if size == 0:
            raise BadRequest("The file is empty.", param="file", code="empty_file")
        finish = partial(file_store.finish_upload, file_id=file.id, size=size, receiver=receiver)
        _check_kept(is_kept=await database.write(finish))
    except BaseException:
        await database.write(partial(file_store.drop_upload, file_id=file.id, receiver=receiver))
        raise
    return replace(file, bytes=size)


def _check_kept(*, is_kept: bool) -> None:
    """Raise DatabaseAway where an upload was removed: this server did not go on with it for so long."""
    if not is_kept:
        raise DatabaseAway(TimeoutError("the upload was given up meanwhile"))


def id_taken() -> Conflict:
    """Give the error of an id that another file has, which is all that is told of it."""
    return Conflict("The id of this file is taken.", param="id", code="id_taken")


async def _copy_parts(
    content: Bytes,
    lines: LineReader | None,
    add: Callable[[int, bytes], Awaitable[None]],
) -> int:
    """Hand all parts of a file to `add`, with their positions, and give the size of the whole."""
    size = position = rows = 0
    while part := await content.read(PART_SIZE):
        if lines is not None:
            rows += await asyncio.to_thread(_checked_rows, lines.feed, part)
        await add(position, part)
        size += len(part)
        position += 1
    if lines is not None:
        rows += _checked_rows(lines.end)
        if size and not rows:
            raise BadRequest("The file has only blank lines.", param="file", code="empty_file")
    return size


def _checked_rows(read: Any, *part: bytes) -> int:
    """Give the number of rows that these lines hold. Raises BadRequest."""
    try:
        rows = read(*part)
        for place, row in rows:
            if not isinstance(row, dict):
                raise BadRow(f"{place} must be a JSON object.")
    except BadRow as error:
        raise BadRequest(
            f"The file is not JSON lines: {error}", param="file", code="invalid_jsonl"
        ) from None
    return len(rows)
