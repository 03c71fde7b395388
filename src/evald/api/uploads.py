"""Uploads: the form that a file comes with."""

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from evald.contract.files import LONGEST_LIFE, PURPOSES, SHORTEST_LIFE, File
from evald.contract.metadata import MAX_NAME_LENGTH
from evald.contract.projects import ProjectId
from evald.errors import BadRequest
from evald.ids import new_file_id
from evald.rules.paging import one_of


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
