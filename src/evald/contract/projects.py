"""Projects, to which every object belongs, and the keys by which their programs are known."""

from dataclasses import dataclass
from typing import Final, NewType

ProjectId = NewType("ProjectId", int)
"""A type of its own, so that nothing else is taken for a project: only the gate gives them out."""

DEFAULT_PROJECT: Final = ProjectId(1)
"""The project of all that is made while a server asks for no key."""
DEFAULT_NAME: Final = "default"
MAX_LABEL_LENGTH: Final = 64
"""Characters of the name of a project or of a key."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is listed: everything but the key. Times are whole Unix seconds."""

    id: str
    project: str
    name: str
    hint: str
    """The last characters of the key."""
    created_at: int
    revoked_at: int | None
    """None while the key is in force."""
