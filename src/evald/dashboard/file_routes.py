"""The routes of files: their list, an upload, a look at the first rows, and the delete."""

import asyncio
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from evald.contract.files import File
from evald.contract.metadata import MAX_NAME_LENGTH
from evald.contract.projects import ProjectId
from evald.dashboard.file_list import DAYS, render_file, render_files
from evald.dashboard.frame import Frame
from evald.dashboard.headers import security_headers
from evald.dashboard.list_routes import LISTED, endpoint_of
from evald.dashboard.serving import Pages, frame_of, page, project_of
from evald.data_sources.kept_files import keep_file
from evald.data_sources.rows import LineReader
from evald.errors import BadRequest
from evald.ids import new_file_id
from evald.rules.paging import PageRequest
from evald.store import files as file_store

A_DAY: Final = 24 * 60 * 60


def file_router(pages: Pages) -> APIRouter:
    """Give the routes of files."""
    router = APIRouter(include_in_schema=False)

    @router.get("/dashboard/files")
    async def files(request: Request) -> Response:
        frame = frame_of(request, "../", "files")
        after = request.query_params.get("after")
        return await page(lambda: _files(request, pages, frame, after), frame=frame)

    @router.post("/dashboard/files")
    async def upload(request: Request) -> Response:
        try:
            file_id = await _upload(request, pages)
        except BadRequest as refused:
            frame = frame_of(request, "../", "files")
            html = await _files(request, pages, frame, None, refusal=refused.message)
            return HTMLResponse(html, 400, headers=security_headers())
        return RedirectResponse(f"./files/{file_id}", 303)

    @router.get("/dashboard/files/{file_id}")
    async def file(request: Request, file_id: str) -> Response:
        frame = frame_of(request, "../../", "files")
        return await page(
            lambda: _file(request, pages, frame, file_id),
            frame=frame,
            what="file",
            asked_id=file_id,
        )

    @router.post("/dashboard/files/{file_id}/delete")
    async def delete(request: Request, file_id: str) -> Response:
        project_id, now = project_of(request), pages.tools.clock()

        async def removed(connection: AsyncConnection) -> None:
            await file_store.get_file(connection, project_id, file_id, now)
            await file_store.delete_file(connection, file_id)

        await pages.tools.database.write(removed)
        return RedirectResponse("../../files", 303)

    return router


async def _files(
    request: Request, pages: Pages, frame: Frame, after: str | None, *, refusal: str = ""
) -> str:
    asked, now = PageRequest(after, LISTED, "desc"), pages.tools.clock()
    project_id = project_of(request)
    found = await pages.tools.database.read(
        lambda connection: file_store.list_files(connection, project_id, asked, None, now)
    )
    return render_files(
        found.objects,
        frame=frame,
        endpoint=endpoint_of(pages, frame),
        now=now,
        is_first_page=after is None,
        next_after=found.objects[-1].id if found.has_more else None,
        refusal=refusal,
    )


async def _file(request: Request, pages: Pages, frame: Frame, file_id: str) -> str:
    project_id, now = project_of(request), pages.tools.clock()

    async def read(connection: AsyncConnection) -> tuple[File, bytes]:
        file = await file_store.get_file(connection, project_id, file_id, now)
        return file, await file_store.read_part(connection, file_id, 0) or b""

    file, beginning = await pages.tools.database.read(read)
    # In a thread: a row may be a megabyte.
    return await asyncio.to_thread(render_file, file, beginning, frame=frame, now=now)


async def _upload(request: Request, pages: Pages) -> str:
    """Keep the file of a form as the API keeps one for evals, and give its id. Raises BadRequest."""
    try:
        form = await request.form(max_files=1, max_fields=4, max_part_size=16 * 1024)
    except HTTPException as error:
        raise BadRequest(f"The form cannot be read: {error.detail}") from None
    try:
        upload, now = form.get("file"), int(pages.tools.clock())
        if not isinstance(upload, UploadFile) or not upload.filename:
            raise BadRequest("Choose a file first.")
        file = _described(upload.filename, form, project_of(request), now)
        await keep_file(upload, file, LineReader(), pages.tools.database, now)
    finally:
        await form.close()
    return file.id


def _described(filename: str, form: FormData, project_id: ProjectId, now: int) -> File:
    if "\x00" in filename or len(filename) > MAX_NAME_LENGTH:
        raise BadRequest("This file name cannot be kept.")
    days = next((each for each in DAYS if str(each) == form.get("days")), None)
    return File(
        id=new_file_id(),
        project_id=project_id,
        bytes=0,
        created_at=now,
        expires_at=None if days is None else now + days * A_DAY,
        filename=filename,
        purpose="evals",
    )
