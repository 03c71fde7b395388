"""The route by which files come in that were uploaded elsewhere, with their ids and times."""

from dataclasses import replace
from functools import partial
from typing import Any, Final

import orjson
from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData, UploadFile

from evald.api.bodies import json_answer
from evald.api.document import Body, described
from evald.api.files import FORM
from evald.api.services import Given, OfProject, Services
from evald.api.strict import StrictRoute
from evald.api.uploads import described_file, missing, read_form, upload_in
from evald.contract.files import File, FileObject
from evald.contract.history import LATEST_TIME, ArchivedId
from evald.contract.validation import RequestModel, read_request
from evald.data_sources.kept_files import id_taken, keep_file
from evald.errors import BadRequest, NotFound
from evald.store import files as file_store
from evald.store.files import PART_SIZE

router = APIRouter(tags=["import"], route_class=StrictRoute)

_TIME: Final[dict[str, Any]] = {"type": "integer", "minimum": 0, "maximum": LATEST_TIME}
IMPORT_FORM: Final = Body(
    "multipart/form-data",
    {
        "type": "object",
        "required": ["id", "created_at", "purpose", "file"],
        "properties": {
            "id": {"type": "string"},
            "created_at": _TIME,
            "expires_at": _TIME,
            "purpose": FORM.schema["properties"]["purpose"],
            "file": {"type": "string", "format": "binary"},
        },
    },
)


class _Identity(RequestModel):
    id: ArchivedId


@described(FileObject, takes=IMPORT_FORM)
@router.post("/files/import")
async def import_(request: Request, services: Given, project_id: OfProject) -> Response:
    """Keep a file that was uploaded elsewhere, under its own id. Its bytes are not looked at.

    The same file again changes nothing; another one of the same id is refused.
    """
    form = await read_form(request)
    try:
        upload, now = upload_in(form), int(services.tools.clock())
        file = _identified(form, described_file(form, upload, project_id, now), now)
        known = await _known(file, services)
        if known is None:
            file = await keep_file(upload, file, None, services.database, services.tools.clock())
        elif await _is_same(upload, known, services):
            file = known
        else:
            raise id_taken()
    finally:
        await form.close()
    return json_answer(orjson.dumps(file.as_json()))


def _identified(form: FormData, file: File, now: int) -> File:
    """Give the file with the id and the times that the form has. Raises BadRequest."""
    if not form.get("id"):
        raise missing("id")
    created_at, expires_at = _moment(form, "created_at"), _moment(form, "expires_at")
    if created_at is None:
        raise missing("created_at")
    if expires_at is not None and expires_at <= now:
        raise BadRequest(
            "The time of this file is over. To keep it, leave 'expires_at' out.",
            param="expires_at",
            code="invalid_value",
        )
    file_id = read_request(_Identity, {"id": str(form.get("id"))}).id
    return replace(file, id=file_id, created_at=created_at, expires_at=expires_at)


def _moment(form: FormData, name: str) -> int | None:
    """Give a time in whole Unix seconds, or None where there is none. Raises BadRequest."""
    text = form.get(name)
    if text is None or text == "":
        return None
    is_number = isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) < 20
    if not is_number or int(str(text)) > LATEST_TIME:
        raise BadRequest(
            f"Invalid value for '{name}': expected whole Unix seconds.",
            param=name,
            code="invalid_value",
        )
    return int(str(text))


async def _known(file: File, services: Services) -> File | None:
    """Give the file of this id in the project, or None; one that is elsewhere shows when it is kept."""
    now = services.tools.clock()
    try:
        return await services.database.read(
            lambda connection: file_store.get_file(connection, file.project_id, file.id, now)
        )
    except NotFound:
        return None


async def _is_same(upload: UploadFile, known: File, services: Services) -> bool:
    """Say whether an upload has the bytes of a file that is here."""
    position = 0
    while True:
        part = await upload.read(PART_SIZE)
        kept = await services.database.read(
            partial(file_store.read_part, file_id=known.id, position=position)
        )
        if part != (kept or b""):
            return False
        if not part:
            return True
        position += 1
