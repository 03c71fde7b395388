"""Forms as browsers send them, read with limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from evald.errors import BadRequest, TooLarge
from evald.runs.given import READ_HERE

LARGEST_FIELD: Final = READ_HERE
"""Bytes of one field. What is pasted is read in this process, so it has the size for that."""
MOST_FIELDS: Final = 100


@dataclass(frozen=True, slots=True)
class TypedForm:
    """What a form came with."""

    texts: Mapping[str, str]
    upload: UploadFile | None
    """A file that was chosen, or None."""

    def text(self, name: str) -> str:
        """Give a field, or an empty text where it was not sent."""
        return self.texts.get(name, "")


async def typed_form(request: Request) -> TypedForm:
    """Give the form that a request holds; its upload is to be closed.

    Raises TooLarge when a field is too long, and BadRequest when it cannot be read.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise BadRequest("Send the form as multipart/form-data.")
    try:
        form = await request.form(max_files=1, max_fields=MOST_FIELDS, max_part_size=LARGEST_FIELD)
    except HTTPException as error:
        if "maximum size" in str(error.detail):
            raise TooLarge(
                f"What is pasted may have {LARGEST_FIELD // 2**20} MB. Upload more than that as a file."
            ) from None
        raise BadRequest("The form cannot be read. Open the page again.") from None
    texts: dict[str, str] = {}
    upload: UploadFile | None = None
    for name, value in form.multi_items():
        if isinstance(value, str):
            # The browser names the encoding; in some a text can be that no page and no store can hold.
            texts[name] = value.encode(errors="replace").decode().replace("\x00", "\ufffd")
        elif value.filename:
            upload = value
    return TypedForm(texts, upload)
