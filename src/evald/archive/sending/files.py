"""Uploaded files of an archive, sent with the id and the time that they had."""

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from typing import IO, Any, Final
from urllib.parse import quote

from evald.archive.reading.limits import TooMuch
from evald.archive.reading.members import PIECE, Member, Unreadable, reason_of
from evald.archive.sending.outcome import Counts, Origin, Outcome
from evald.archive.sending.server import Body, Server
from evald.archive.sending.tallies import number

_IN_MEMORY: Final = 8 * 2**20
_LARGEST: Final = 512 * 2**20
"""Bytes of a file that a server takes."""
_ID_TAKEN: Final = "id_taken"
_PAUSE_S: Final = 0.5


def send_file(
    server: Server, member: Member, described: Mapping[str, Any], outcome: Outcome
) -> None:
    """Send the bytes of a member as the file that is described. Raises ServerGone."""
    origin, counts = Origin(member.name, id=str(described.get("id"))), outcome.files
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as copy:
        try:
            # It is needed again when a connection breaks, and a packed one is read but once.
            size = _copy(member, copy)
        except (Unreadable, TooMuch, OSError) as error:  # the disk of the copy may be full
            counts.failed += 1
            outcome.refuse(origin, reason_of(error))
            return
        form = _form(described, copy, size)
        is_known = _bytes_at(server, described) is not None
        said = server.ask("POST", "files/import", form)
        if said.code == _ID_TAKEN and not is_known:
            # Another import may have been sending this file just then.
            time.sleep(_PAUSE_S)
            is_known = _bytes_at(server, described) is not None
            said = server.ask("POST", "files/import", form) if is_known else said
    if said.status in (200, 201):
        _count(counts, is_known=is_known)
    else:
        counts.failed += 1
        outcome.refuse(origin, said.message)


def try_file(
    server: Server,
    member: Member,
    described: Mapping[str, Any],
    outcome: Outcome,
    sizes: dict[str, int],
) -> None:
    """Count what would become of a file; `sizes` has those before it, by id. Raises ServerGone."""
    origin, file_id = Origin(member.name, id=str(described.get("id"))), str(described.get("id"))
    try:
        size = sum(len(piece) for piece in _pieces(member))
        known = sizes.get(file_id)
        known = _bytes_at(server, described) if known is None else known
        if size == 0:
            raise Unreadable("it is empty")
        if known not in (None, size):
            raise Unreadable("the id of this file is taken by another one")
    except (Unreadable, TooMuch) as error:
        outcome.files.failed += 1
        outcome.refuse(origin, str(error))
        return
    sizes.setdefault(file_id, size)
    _count(outcome.files, is_known=known is not None)


def _bytes_at(server: Server, described: Mapping[str, Any]) -> int | None:
    """Give the size of the file of this id; None when the server shows none."""
    said = server.ask("GET", f"files/{quote(str(described.get('id')), safe='')}")
    return number(said.value.get("bytes")) if said.status == 200 else None


def _count(counts: Counts, *, is_known: bool) -> None:
    if is_known:
        counts.existing += 1
    else:
        counts.imported += 1


def _copy(member: Member, copy: IO[bytes]) -> int:
    return sum(copy.write(piece) for piece in _pieces(member))


def _pieces(member: Member) -> Iterator[bytes]:
    """Give the bytes of a file. Raises Unreadable, also where it has more than it may, TooMuch."""
    size = 0
    for piece in member.pieces():
        size += len(piece)
        if size > _LARGEST:
            raise Unreadable(f"it is larger than {_LARGEST // 2**20} MB")
        yield piece


def _form(described: Mapping[str, Any], copy: IO[bytes], size: int) -> Body:
    boundary = os.urandom(16).hex()
    head = b"".join(_field(boundary, name, value) for name, value in _fields(described).items())
    name = str(described.get("filename") or f"{described.get('id')}.jsonl")
    head += (
        f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="{_quoted(name)}"'
        "\r\ncontent-type: application/octet-stream\r\n\r\n"
    ).encode()
    tail = f"\r\n--{boundary}--\r\n".encode()

    def pieces() -> Iterator[bytes]:
        yield head
        copy.seek(0)
        while piece := copy.read(PIECE):
            yield piece
        yield tail

    length = len(head) + size + len(tail)
    return Body(f"multipart/form-data; boundary={boundary}", length, pieces)


def _fields(described: Mapping[str, Any]) -> dict[str, str]:
    given = {key: described.get(key) for key in ("id", "created_at", "purpose")}
    expires_at = number(described.get("expires_at"))
    if expires_at > time.time():  # what is over by now would be gone at once
        given["expires_at"] = expires_at
    return {key: str(value) for key, value in given.items() if value is not None}


def _field(boundary: str, name: str, value: str) -> bytes:
    line = f'--{boundary}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
    return line.encode("utf-8", "replace")


def _quoted(name: str) -> str:
    """Give a file name as it stands between quotes in a header."""
    plain = " ".join(name.encode("utf-8", "replace").decode().splitlines())
    return plain.replace("\\", "\\\\").replace('"', '\\"')
