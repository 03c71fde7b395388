"""The routes of files (contract section 2.5)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Any, Final

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from evald.api.bodies import json_answer
from evald.api.document import Body, described
from evald.api.queries import MAX_FILES, After, FileLimit, FilePurpose, Order
from evald.api.services import Given, OfProject, Services
from evald.api.strict import StrictRoute
from evald.contract.files import (
    LONGEST_LIFE,
    PURPOSES,
    SHORTEST_LIFE,
    DeletedFile,
    File,
    FileObject,
    FilePage,
)
from evald.contract.metadata import MAX_NAME_LENGTH
from evald.contract.pages import page_json
from evald.contract.projects import ProjectId
from evald.data_sources.rows import LineReader
from evald.errors import BadRequest
from evald.ids import new_file_id
from evald.rules.paging import one_of, page_request
from evald.rules.rows import BadRow
from evald.store import files as file_store
from evald.store.files import PART_SIZE

router = APIRouter(tags=["files"], route_class=StrictRoute)

FORM: Final = Body(
    "multipart/form-data",
    {
        "type": "object",
        "required": ["purpose", "file"],
        "properties": {
            "purpose": {"type": "string", "enum": list(PURPOSES)},
            "file": {"type": "string", "format": "binary"},
            "expires_after[anchor]": {"type": "string", "const": "created_at"},
            "expires_after[seconds]": {
                "type": "integer",
                "minimum": SHORTEST_LIFE,
                "maximum": LONGEST_LIFE,
            },
        },
    },
)
BYTES: Final = Body("application/octet-stream", {"type": "string", "format": "binary"})


@described(FileObject, takes=FORM)
@router.post("/files")
async def create(request: Request, services: Given, project_id: OfProject) -> Response:
    """Upload a file. One for evals is checked to be JSON lines before it is kept."""
    form = await _form(request)
    try:
        upload = form.get("file")
        if not isinstance(upload, UploadFile):
            raise _missing("file")
        named, now = upload.filename or "upload.jsonl", int(services.tools.clock())
        file = _described(form, named, project_id, now)
        file = await _keep(upload, file, services)
    finally:
        await form.close()
    return json_answer(orjson.dumps(file.as_json()))


async def _form(request: Request) -> FormData:
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise BadRequest(
            "Send the file as multipart/form-data, with the parts 'purpose' and 'file'.",
            code="invalid_content_type",
        )
    try:
        return await request.form(max_files=1, max_fields=20, max_part_size=16 * 1024)
    except HTTPException as error:
        raise BadRequest(f"The form cannot be read: {error.detail}", code="invalid_form") from None


def _missing(name: str) -> BadRequest:
    return BadRequest(
        f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter"
    )


def _described(form: FormData, filename: str, project_id: ProjectId, now: int) -> File:
    purpose = form.get("purpose")
    if not isinstance(purpose, str) or not purpose:
        raise _missing("purpose")
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


async def _keep(upload: UploadFile, file: File, services: Services) -> File:
    """Copy an upload into the store, part by part; a broken one leaves nothing behind."""
    database = services.database
    await database.write(partial(file_store.begin_upload, file=file))
    try:
        size = await _copy_parts(upload, file, services)
        if size == 0:
            raise BadRequest("The file is empty.", param="file", code="empty_file")
        await database.write(partial(file_store.finish_upload, file_id=file.id, size=size))
        # Uploads are what makes room scarce, so they are when old files go.
        await database.write(partial(file_store.expire_files, now=file.created_at))
    except BaseException:
        await database.write(partial(file_store.drop_upload, file_id=file.id))
        raise
    return replace(file, bytes=size)


async def _copy_parts(upload: UploadFile, file: File, services: Services) -> int:
    lines = LineReader() if file.purpose == "evals" else None
    size = position = rows = 0
    while part := await upload.read(PART_SIZE):
        if lines is not None:
            rows += await asyncio.to_thread(_checked_rows, lines.feed, part)
        add = partial(file_store.add_part, file_id=file.id, position=position, content=part)
        await services.database.write(add)
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


@described(FilePage)
@router.get("/files")
async def list_(
    services: Given,
    project_id: OfProject,
    after: After = None,
    limit: FileLimit = None,
    order: Order = None,
    purpose: FilePurpose = None,
) -> Response:
    """List files, the newest first unless asked otherwise."""
    page = page_request(
        after, limit, order, default_limit=MAX_FILES, max_limit=MAX_FILES, default_order="desc"
    )
    now = services.tools.clock()
    found = await services.database.read(
        lambda connection: file_store.list_files(connection, project_id, page, purpose, now)
    )
    objects = [(each.id, orjson.dumps(each.as_json())) for each in found.objects]
    return json_answer(page_json(objects, has_more=found.has_more))


@described(FileObject)
@router.get("/files/{file_id}")
async def retrieve(file_id: str, services: Given, project_id: OfProject) -> Response:
    """Give one file object."""
    return json_answer(orjson.dumps((await _file(project_id, file_id, services)).as_json()))


@described(BYTES)
@router.get("/files/{file_id}/content")
async def content(file_id: str, services: Given, project_id: OfProject) -> Response:
    """Give the bytes of a file as they were uploaded."""
    file = await _file(project_id, file_id, services)
    return StreamingResponse(
        _parts(file_id, services),
        media_type="application/octet-stream",
        headers={"content-length": str(file.bytes), "content-disposition": "attachment"},
    )


async def _parts(file_id: str, services: Services) -> AsyncIterator[bytes]:
    position = 0
    while part := await services.database.read(
        partial(file_store.read_part, file_id=file_id, position=position)
    ):
        yield part
        position += 1


@described(DeletedFile)
@router.delete("/files/{file_id}")
async def delete(file_id: str, services: Given, project_id: OfProject) -> Response:
    """Delete a file; runs that were made from it keep their rows."""
    now = services.tools.clock()

    async def removed(connection: AsyncConnection) -> None:
        await file_store.get_file(connection, project_id, file_id, now)
        await file_store.delete_file(connection, file_id)

    await services.database.write(removed)
    gone: DeletedFile = {"id": file_id, "object": "file", "deleted": True}
    return json_answer(orjson.dumps(gone))


async def _file(project_id: ProjectId, file_id: str, services: Services) -> File:
    now = services.tools.clock()
    return await services.database.read(
        lambda connection: file_store.get_file(connection, project_id, file_id, now)
    )
