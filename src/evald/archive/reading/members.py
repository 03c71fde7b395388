"""One file of an archive, and what becomes of one that cannot be read."""

import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from evald.archive.reading.limits import Stream

PIECE: Final = 1 << 18
"""Bytes that are read at once."""
# A zip with a password raises RuntimeError; one whose header and list differ, ValueError.
BROKEN: Final = (
    *(OSError, EOFError, zlib.error, tarfile.TarError, zipfile.BadZipFile),
    *(NotImplementedError, RuntimeError, ValueError),
)


class NoArchive(Exception):
    """The path cannot be read as an archive at all. The message says why."""


class Unreadable(Exception):
    """A file of an archive cannot be read, or not to its end. The message says why."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive. Its bytes can be read only until the next member is asked for."""

    name: str
    """Where it stands in the archive, with slashes."""
    size: int
    """Bytes, as the archive says it."""
    changed_at: int
    """Unix seconds."""
    open: Callable[[], Stream]

    @property
    def folder(self) -> str:
        """Where it lies, "." at the top."""
        return str(PurePosixPath(self.name).parent)

    @property
    def file_name(self) -> str:
        """Its name without its folder."""
        return PurePosixPath(self.name).name

    def pieces(self) -> Iterator[bytes]:
        """Give its bytes. Raises Unreadable, TooMuch."""
        try:
            with closing(self.open()) as file:
                while piece := file.read(PIECE):
                    yield piece
        except BROKEN as error:
            raise Unreadable(reason_of(error)) from None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something in an archive that is never read."""

    name: str
    reason: str


def reason_of(error: BaseException) -> str:
    """Say in one line why a file cannot be read."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"{error}" or type(error).__name__
