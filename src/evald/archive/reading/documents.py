"""The objects of one file: JSON of any shape, JSON Lines, with whatever mark it begins with."""

import codecs
import re
from collections.abc import Iterator
from itertools import chain
from typing import Final

from evald.archive.reading.json_pieces import (
    BadText,
    JsonText,
    Place,
    RawJson,
    has_others,
    is_json,
    parsed,
)
from evald.archive.reading.limits import TooMuch
from evald.archive.reading.members import Unreadable
from evald.archive.reading.records import Broken, Record, record_of

NO_JSON: Final = "it is no JSON"
NO_OBJECTS: Final = "it is JSON without an object or a list"
_HEAD: Final = 4 * 2**20
"""Bytes by which a file is told to be JSON Lines."""
_LINES: Final = re.compile(rb"^\{[^\n]*\}[ \t\r]*\n[ \t\r\n]*\{", re.MULTILINE)
"""A line that is an object, and another one without a comma: never in one JSON text."""
_MARKS: Final = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_LONGEST_MARK: Final = 4
_UTF8_MARK: Final = b"\xef\xbb\xbf"


def objects_in(pieces: Iterator[bytes], where: str, most: int) -> Iterator[Record | Broken]:
    """Give the objects of a file, and what in it is none.

    Of another text it is NO_JSON or NO_OBJECTS alone. An object of more than `most` bytes is not kept.
    Raises what the pieces raise.
    """
    try:
        head, rest = _begun(_as_utf8(pieces))
        sign = head.lstrip()[:1]
        if sign == b"{" and _LINES.search(head):
            yield from _of_lines(chain([head], rest), where, most)
        elif sign in (b"{", b"["):
            yield from _of_text(JsonText(chain([head], rest), most), where)
        elif sign:
            yield Broken(where, None, NO_OBJECTS if is_json(head) else NO_JSON)
        else:
            next(rest, b"")  # what breaks before it has said anything
    except UnicodeDecodeError as error:
        yield Broken(where, None, f"it is no {error.encoding.upper()} text")


def _begun(pieces: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Give the beginning of a text, and the rest; what breaks it off comes after what came before."""
    head = bytearray()
    try:
        for piece in pieces:
            head += piece
            if len(head) >= _HEAD:
                break
    except (Unreadable, TooMuch, UnicodeDecodeError) as error:
        return bytes(head), _broken_off(error)
    return bytes(head), pieces


def _broken_off(error: Exception) -> Iterator[bytes]:
    raise error
    yield b""


def _as_utf8(pieces: Iterator[bytes]) -> Iterator[bytes]:
    first = b""
    while len(first) < _LONGEST_MARK and (piece := next(pieces, b"")):
        first += piece
    for mark, encoding in _MARKS.items():
        if first.startswith(mark):
            return _recoded(chain([first], pieces), encoding)
    return chain([first.removeprefix(_UTF8_MARK)], pieces)


def _recoded(pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    for piece in pieces:
        if text := decoder.decode(piece):
            yield text.encode("utf-8", "surrogatepass")
    if text := decoder.decode(b"", final=True):
        yield text.encode("utf-8", "surrogatepass")


def _of_text(text: JsonText, where: str) -> Iterator[Record | Broken]:
    try:
        for found in text.objects():
            yield record_of(found, where)
    except BadText as error:
        yield Broken(where, error.place, str(error))


def _of_lines(pieces: Iterator[bytes], where: str, most: int) -> Iterator[Record | Broken]:
    for number, begin, line in _lines(pieces, most):
        place = Place(number, begin)
        if len(line) > most:
            yield record_of(RawJson(line, place, is_whole=False), where)
        elif line.strip():
            yield from _of_line(line.strip(), place, where, most)


def _of_line(line: bytes, place: Place, where: str, most: int) -> Iterator[Record | Broken]:
    value = parsed(line)
    if (line[:1] == b"{" and value is None) or (value is not None and not has_others(value)):
        yield record_of(RawJson(line, place, is_whole=True, value=value), where)
    else:
        yield from _of_text(JsonText(iter([line]), most, place), where)


def _lines(pieces: Iterator[bytes], most: int) -> Iterator[tuple[int, int, bytes]]:
    """Give each line with its number and first byte; of one that is too long, too much of it."""
    line, number, begin, passed = bytearray(), 1, 0, 0
    for piece in pieces:
        at = 0
        while (end := piece.find(b"\n", at)) >= 0:
            _add(line, piece[at:end], most)
            yield number, begin, bytes(line)
            line.clear()
            at, number = end + 1, number + 1
            begin = passed + at
        _add(line, piece[at:], most)
        passed += len(piece)
    yield number, begin, bytes(line)


def _add(line: bytearray, piece: bytes, most: int) -> None:
    line += piece[: most + 1 - len(line)]
