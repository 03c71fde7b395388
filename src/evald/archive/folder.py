"""The folder of an archive: every file in it is whole, or has a name that says that it is not."""

import fcntl
import json
import mmap
import os
import re
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from evald.archive.raw_json import RawObject

_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")
_PIECE = 1 << 20


class FolderTaken(Exception):
    """Another process works in the folder."""


def is_safe(name: str | None) -> bool:
    """Say whether an id from outside may be the name of a folder."""
    return name is not None and _SAFE_ID.fullmatch(name) is not None


def lock(folder: Path) -> BinaryIO:
    """Make the folder, and keep others out of it until the given file is closed.

    Raises FolderTaken.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / ".lock").open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise FolderTaken(f"Another pull works in {folder}, or another export.") from None
    return file


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that its name never stands for half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(content)
        put_in_place(file, part, path)


def put_in_place(file: BinaryIO, part: Path, path: Path) -> None:
    """Give a file that is whole its name, when the disk has it."""
    file.flush()
    os.fsync(file.fileno())
    part.replace(path)


def keep(path: Path, content: bytes) -> None:
    """Write a file, unless this is what it holds."""
    if not path.exists() or path.read_bytes() != content:
        write_whole(path, content)


def dumped(value: object) -> bytes:
    """Give a value of our own as indented JSON."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n"


def load(path: Path) -> dict[str, Any]:
    """Give the object of a JSON file, or an empty one when there is none that can be read."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


class Lines:
    """A growing file of JSON lines, which ends with a whole line at every start."""

    def __init__(self, path: Path, *, goes_on: bool) -> None:
        """Open it: at its end, without a line that was cut off, or empty."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.count = 0
        self.last_id: str | None = None
        self._file = path.open("r+b" if goes_on and path.exists() else "w+b")
        if self._file.seek(0, os.SEEK_END):
            self._find_the_end()

    def _find_the_end(self) -> None:
        with mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            end = content.rfind(b"\n") + 1
            last = content[content.rfind(b"\n", 0, max(0, end - 1)) + 1 : end]
        self._file.truncate(end)
        self._file.seek(end)
        self.count = count_lines(self.path)
        self.last_id = json.loads(last, parse_int=str).get("id") if last else None
        if self.last_id is None:  # one cannot go on after it
            self.count = self._file.seek(0)
            self._file.truncate()

    def add(self, objects: Sequence[RawObject]) -> None:
        """Write the objects of a page."""
        self._file.write(b"".join(each.line() for each in objects))
        self._file.flush()
        self.count += len(objects)
        self.last_id = objects[-1].id

    def ends_with(self, found: RawObject) -> bool:
        """Say whether this is the object of the last line."""
        return self.last_id is not None and found.id == self.last_id

    def finish(self, path: Path) -> None:
        """Give the file its name: it is whole."""
        put_in_place(self._file, self.path, path)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def count_lines(path: Path) -> int:
    """Give how many lines a file has."""
    with path.open("rb") as file:
        return sum(piece.count(b"\n") for piece in iter(lambda: file.read(_PIECE), b""))


def join_around_gap(head: Path, tail: Path, path: Path) -> None:
    """Write the lines of `head`, then those of `tail` from its last to its first.

    A file that is there and holds more stays as it is.
    """
    if size_of(path) > size_of(head) + size_of(tail):
        return
    part = path.with_name(path.name + ".joined.part")
    with part.open("wb") as file, head.open("rb") as first, tail.open("rb") as last:
        _copy(first, file)
        starts = array("Q", [0])
        for line in last:
            starts.append(starts[-1] + len(line))
        for start in reversed(starts[:-1]):
            last.seek(start)
            file.write(last.readline())
        put_in_place(file, part, path)


def _copy(source: BinaryIO, target: BinaryIO) -> None:
    while piece := source.read(_PIECE):
        target.write(piece)


def size_of(path: Path) -> int:
    """Give the bytes of a file, -1 when there is none."""
    return path.stat().st_size if path.exists() else -1


def remove(paths: Iterable[Path]) -> None:
    """Remove files that may be there."""
    for path in paths:
        path.unlink(missing_ok=True)
