"""Files (contract section 2.5)."""

from dataclasses import dataclass
from typing import Final, Literal, NotRequired

from typing_extensions import TypedDict

from evald.contract.pages import Page
from evald.contract.projects import ProjectId

PURPOSES: Final = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
SHORTEST_LIFE: Final = 3_600
LONGEST_LIFE: Final = 2_592_000
"""Seconds between which `expires_after[seconds]` must lie."""


class FileObject(TypedDict):
    """A file as it is answered; in the strict form the keys that would be null are left out."""

    object: Literal["file"]
    id: str
    bytes: int
    created_at: int
    expires_at: NotRequired[int | None]
    filename: str
    purpose: str
    status: Literal["processed"]
    status_details: NotRequired[str | None]


class FilePage(Page):
    """A page of files."""

    data: list[FileObject]


class DeletedFile(TypedDict):
    """The answer to a delete."""

    object: Literal["file"]
    id: str
    deleted: bool


@dataclass(frozen=True, slots=True)
class File:
    """An uploaded file, without its bytes. Times are whole Unix seconds."""

    id: str
    project_id: ProjectId
    bytes: int
    created_at: int
    expires_at: int | None
    filename: str
    purpose: str

    def as_json(self) -> FileObject:
        """Give the wire form; `status` is deprecated there and still required."""
        return {
            "object": "file",
            "id": self.id,
            "bytes": self.bytes,
            "created_at": self.created_at,
            "expires_at": self.expires_at,
            "filename": self.filename,
            "purpose": self.purpose,
            "status": "processed",
            "status_details": None,
        }
