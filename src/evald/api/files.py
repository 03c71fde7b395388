"""The routes of files (contract section 2.5)."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Final

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.api.bodies import json_answer
from evald.api.document import Body, described
from evald.api.queries import MAX_FILES, After, FileLimit, FilePurpose, Order
from evald.api.services import Given, OfProject, Services
from evald.api.strict import StrictRoute
from evald.api.uploads import described_file, read_form, upload_in
from evald.contract.files import (
    LONGEST_LIFE,
    PURPOSES,
    SHORTEST_LIFE,
    DeletedFile,
    File,
    FileObject,
    FilePage,
)
from evald.contract.pages import page_json
from evald.contract.projects import ProjectId
from evald.data_sources.kept_files import keep_file
from evald.data_sources.rows import LineReader
from evald.rules.paging import page_request
from evald.store import files as file_store

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
    form = await read_form(request)
    try:
        upload = upload_in(form)
        file = described_file(form, upload, project_id, int(services.tools.clock()))
        lines = LineReader() if file.purpose == "evals" else None
        file = await keep_file(upload, file, lines, services.database, services.tools.clock())
    finally:
        await form.close()
    return json_answer(orjson.dumps(file.as_json()))


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
