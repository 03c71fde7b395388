"""Uploads: the form of a file, and its bytes, which are copied into the store part by part."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from evald.api.services import Services
from evald.contract.files import LONGEST_LIFE, PURPOSES, SHORTEST_LIFE, File
from evald.contract.metadata import MAX_NAME_LENGTH
from evald.contract.projects import ProjectId
from evald.data_sources.rows import LineReader
from evald.errors import BadRequest, Conflict
from evald.ids import new_file_id, new_id
from evald.rules.paging import one_of
from evald.rules.rows import BadRow
from evald.store import files as file_store
from evald.store.database import DatabaseAway
from evald.store.files import PART_SIZE


async def read_form(request: Request) -> FormData:
    """Give the form of an upload, to be closed. Raises BadRequest."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise BadRequest(
            "Send the file as multipart/form-data, with the parts 'purpose' and 'file'.",
            code="invalid_content_type",
        )
    try:
        return await request.form(max_files=1, max_fields=20, max_part_size=16 * 1024)
    except HTTPException as error:
        raise BadRequest(f"The form cannot be read: {error.detail}", code="invalid_form") from None


def upload_in(form: FormData) -> UploadFile:
    """Give the file of a form. Raises BadRequest when there is none."""
    upload = form.get("file")
    if not isinstance(upload, UploadFile):
        raise missing("file")
    return upload


def missing(name: str) -> BadRequest:
    """Give the error of a part that a form lacks."""
    return BadRequest(
        f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter"
    )


def described_file(form: FormData, upload: UploadFile, project_id: ProjectId, now: int) -> File:
    """Give the file that a form describes, with a new id and no bytes yet. Raises BadRequest."""
    filename = upload.filename or "upload.jsonl"
    purpose = form.get("purpose")
    if not isinstance(purpose, str) or not purpose:
        raise missing("purpose")
    if "\x00" in filename or len(filename) > MAX_NAME_LENGTH:
        raise BadRequest("This file name cannot be kept.", param="file", code="invalid_value")
    return File(
        id=new_file_id(),
        project_id=project_id,
        bytes=0,
        created_at=now,
        expires_at=_expiry(form, now),
        filename=filename,
        purpose=one_of(purpose, PURPOSES, "purpose", "evals"),
    )


def _expiry(form: FormData, now: int) -> int | None:
    anchor, seconds = form.get("expires_after[anchor]"), form.get("expires_after[seconds]")
    if anchor is None and seconds is None:
        return None
    if anchor != "created_at":
        raise BadRequest(
            "expires_after[anchor] must be created_at.",
            param="expires_after[anchor]",
            code="invalid_value",
        )
    text = seconds if isinstance(seconds, str) else ""
    if not (text.isascii() and text.isdecimal() and len(text) < 12):
        life = 0
    else:
        life = int(text)
    if not SHORTEST_LIFE <= life <= LONGEST_LIFE:
        raise BadRequest(
            f"expires_after[seconds] must be a whole number from {SHORTEST_LIFE} to {LONGEST_LIFE}.",
            param="expires_after[seconds]",
            code="invalid_value",
        )
    return now + life


async def keep(
    upload: UploadFile, file: File, lines: LineReader | None, services: Services
) -> File:
    """Copy an upload into the store, part by part; a broken one leaves nothing behind.

    `lines` checks that it is JSON lines, where that is needed. Raises BadRequest, or Conflict when the
    id is taken.
    """
    database, receiver, now = services.database, new_id("upload"), services.tools.clock()

    async def make_room(connection: AsyncConnection) -> None:
        await file_store.drop_broken_uploads(connection)
        await file_store.expire_files(connection, now)

    # Uploads are what makes room scarce, so they are when old files go; their ids are free again then.
    await database.write(make_room)
    begin = partial(file_store.begin_upload, file=file, receiver=receiver)
    if not await database.write(begin):
        raise id_taken()

    async def add(position: int, content: bytes) -> None:
        add_part = partial(file_store.add_part, position=position, content=content)
        kept = await database.write(partial(add_part, file_id=file.id, receiver=receiver))
        _check_kept(is_kept=kept)

    try:
        size = await _copy_parts(upload, lines, add)
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
    upload: UploadFile,
    lines: LineReader | None,
    add: Callable[[int, bytes], Awaitable[None]],
) -> int:
    """Hand all parts of an upload to `add`, with their positions, and give the size of the whole."""
    size = position = rows = 0
    while part := await upload.read(PART_SIZE):
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
