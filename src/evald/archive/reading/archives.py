"""The files of an archive: of a folder, a zip, a tar or a single file, one after the other."""

import gzip
import os
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from evald.archive.reading.limits import Counted, Limits, Meter, Stream
from evald.archive.reading.members import (
    BROKEN,
    LeftOut,
    Member,
    NoArchive,
    Unreadable,
    reason_of,
)
from evald.archive.reading.packed import of_tar, of_zip

_MAGIC_BYTES: Final = 262
"""Where a tar has said that it is one."""


def members(path: Path, limits: Limits) -> Iterator[Member | LeftOut]:
    """Give the files of an archive, in an order that stays the same.

    Raises NoArchive, Unreadable, TooMuch.
    """
    see_that_it_is_there(path)
    try:
        if path.is_dir():
            yield from _of_folder(path, Meter(limits, None))
        else:
            yield from _of_file(path, limits)
    except BROKEN as error:
        raise Unreadable(reason_of(error)) from None


def see_that_it_is_there(path: Path) -> None:
    """See that a path is one of a folder or a file. Raises NoArchive."""
    if not path.is_dir() and not path.is_file():
        raise NoArchive("it is no file" if path.exists() else "it is not there")


def _of_folder(top: Path, meter: Meter) -> Iterator[Member | LeftOut]:
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda each: each.name)
        except OSError as error:
            yield LeftOut(_under(top, folder), reason_of(error))
            continue
        below = []
        for entry in entries:
            meter.member()
            if entry.is_dir(follow_symlinks=False):
                below.append(Path(entry.path))
            else:
                yield _of_entry(entry, _under(top, Path(entry.path)))
        waiting += reversed(below)


def _under(top: Path, path: Path) -> str:
    return path.relative_to(top).as_posix()


def _of_entry(entry: os.DirEntry[str], name: str) -> Member | LeftOut:
    if entry.is_symlink():
        return LeftOut(name, "it is a link")
    if not entry.is_file(follow_symlinks=False):
        return LeftOut(name, "it is no file")
    found, path = entry.stat(follow_symlinks=False), Path(entry.path)
    return Member(name, found.st_size, int(found.st_mtime), lambda: _opened(path))


def _opened(path: Path) -> Stream:
    # What was a file a moment ago may be a link or a pipe by now.
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    file = os.fdopen(number, "rb")
    if not stat.S_ISREG(os.fstat(number).st_mode):
        file.close()
        raise Unreadable("it is no file")
    return file


def _of_file(path: Path, limits: Limits) -> Iterator[Member | LeftOut]:
    with path.open("rb") as file:
        begin = file.read(_MAGIC_BYTES)
    is_packed = begin[:2] == b"\x1f\x8b"
    if is_packed:
        with closing(_Gunzipped(path)) as packed:
            begin = packed.read(_MAGIC_BYTES)
    meter = Meter(limits, path.stat().st_size)
    if begin[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        yield from of_zip(path, meter)
    elif begin[257:] == b"ustar":
        yield from of_tar(_stream(path, is_packed=is_packed), meter)
    else:
        yield _alone(path, meter if is_packed else None)


def _alone(path: Path, meter: Meter | None) -> Member:
    """Give a file by itself; with a meter it is packed."""

    def opened() -> Stream:
        file = _stream(path, is_packed=meter is not None)
        return file if meter is None else Counted(file, meter)

    found = path.stat()
    return Member(path.name, found.st_size, int(found.st_mtime), opened)


def _stream(path: Path, *, is_packed: bool) -> Stream:
    return _Gunzipped(path) if is_packed else path.open("rb")


class _Gunzipped:
    """A gzip file of which all is given that comes before the place where it breaks."""

    def __init__(self, path: Path) -> None:
        self._file = gzip.open(path)  # noqa: SIM115  (who asked for the stream closes it)
        self._broken: Exception | None = None

    def read(self, size: int, /) -> bytes:
        """Give so many bytes, fewer before its end or a break; raise what broke it after that."""
        if self._broken is not None:
            raise self._broken
        found = bytearray()
        try:
            while len(found) < size and (piece := self._file.read1(size - len(found))):
                found += piece
        except BROKEN as error:
            if not found:
                raise
            self._broken = error
        return bytes(found)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
