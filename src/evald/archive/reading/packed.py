"""The files of a zip or a tar, read where they lie: nothing is written to the disk."""

import calendar
import os
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import IO, Final, cast

from evald.archive.reading.limits import Counted, Meter, Stream, TooMuch
from evald.archive.reading.members import LeftOut, Member, Unreadable

_END_BYTES: Final = 65_536 + 22 + 76
"""Within which the list of a zip is told: a comment, and the end in both of its forms."""
_LONGEST_ENTRY: Final = 1024
_LATEST: Final = 2**33
_CUT_OFF: Final = "it ends in the middle"
_LINK, _NO_FILE = "it is a link", "it is no file"


def of_zip(path: Path, meter: Meter) -> Iterator[Member | LeftOut]:
    """Give the files of a zip. Raises TooMuch, and what zipfile raises."""
    if _list_bytes(path) > meter.members_left * _LONGEST_ENTRY:
        raise TooMuch("its list of files is larger than so many need (--max-members raises this)")
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            meter.member()
            if not info.is_dir():
                yield _of_zip(archive, info, meter)


def _list_bytes(path: Path) -> int:
    """Give the bytes of the list at the end of a zip, which its reader takes as a whole."""
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _END_BYTES))
        end = file.read()
    at = end.rfind(b"PK\x05\x06")
    long_form = end[max(0, at - 76) : max(0, at)]
    if long_form[:4] == b"PK\x06\x06" and long_form[56:60] == b"PK\x06\x07":
        return int.from_bytes(long_form[40:48], "little")
    return int.from_bytes(end[at + 12 : at + 16], "little") if at >= 0 else 0


def _of_zip(archive: zipfile.ZipFile, info: zipfile.ZipInfo, meter: Meter) -> Member | LeftOut:
    mode = info.external_attr >> 16
    wrong = _wrong_name(info.filename)
    if wrong:
        return LeftOut(info.filename, wrong)
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return LeftOut(info.filename, _LINK if stat.S_ISLNK(mode) else _NO_FILE)

    def opened() -> Stream:
        return Counted(_Unpacked(archive.open(info)), meter)

    return Member(_plain(info.filename), info.file_size, _time_of(info), opened)


class _Unpacked:
    """A file of a zip, of which what was unpacked before it breaks is given."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = cast("zipfile.ZipExtFile", file)

    def read(self, size: int, /) -> bytes:
        return self._file.read1(size)

    def close(self) -> None:
        self._file.close()


def _time_of(info: zipfile.ZipInfo) -> int:
    try:
        return calendar.timegm(info.date_time)  # a zip does not say its zone
    except ValueError:
        return 0


def of_tar(file: Stream, meter: Meter) -> Iterator[Member | LeftOut]:
    """Give the files of a tar. Raises Unreadable, TooMuch, and what tarfile raises."""
    source = Counted(file, meter, of_headers=True)
    with closing(source), tarfile.open(fileobj=cast("IO[bytes]", source), mode="r:") as archive:
        while (info := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined]  # it would keep all of them
            meter.member()
            if not info.isdir():
                yield _of_tar(source, info)
        last = source.last
        source.read(1)  # where it broke, that is raised now
    if not last or last.strip(b"\0"):
        raise Unreadable(_CUT_OFF)


def _of_tar(source: Counted, info: tarfile.TarInfo) -> Member | LeftOut:
    wrong = _wrong_name(info.name)
    if wrong:
        return LeftOut(info.name, wrong)
    if not info.isreg():
        return LeftOut(info.name, _LINK if info.issym() or info.islnk() else _NO_FILE)
    if info.issparse():
        return LeftOut(info.name, "it is a file with holes")

    def opened() -> Stream:
        return _InTar(source, info.offset_data, info.size)

    is_time = 0 <= info.mtime < _LATEST  # it may be infinite, or no number
    return Member(_plain(info.name), info.size, int(info.mtime) if is_time else 0, opened)


class _InTar:
    """A file of a tar, of which what comes before a break is given; tarfile drops the last piece."""

    def __init__(self, tar: Counted, begin: int, size: int) -> None:
        self._tar = tar
        self._at = begin
        self._end = begin + max(0, size)

    def read(self, size: int, /) -> bytes:
        if self._at >= self._end:
            return b""
        self._tar.seek(self._at)
        piece = self._tar.read(min(size, self._end - self._at))
        if not piece:
            raise Unreadable(_CUT_OFF)
        self._at += len(piece)
        return piece

    def close(self) -> None:
        """Do nothing: the tar goes on behind it."""


def _wrong_name(name: str) -> str:
    """Say what is wrong with the name of a file, nothing when nothing is."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or name[1:2] == ":":
        return "its path leads out of the archive"
    return ""


def _plain(name: str) -> str:
    return str(PurePosixPath(name))
