"""JSON that is larger than memory: the raw bytes of its objects, one after the other.

A parser of events would keep a text of a gigabyte as one token, and would end at the first NaN. Here
only brackets and quotes are looked at; what they hold is parsed when it is known to be small enough.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

_KEPT_OF_TOO_LARGE: Final = 4096
_LONGEST_KEY: Final = 1024
_DEEPEST: Final = 6
"""Objects within each other that are looked into for others."""
_LOOKED_INTO: Final = frozenset(
    {"data", "eval", "evals", "run", "runs", "output_items", "items", "files"}
)
_NAMED_BY_ID: Final = ("eval_", "evalrun_", "outputitem_")
_SMALL: Final = 1 << 18
_MOST_LEVELS: Final = 1000
"""Brackets within each other; no server takes a third of it, and each costs time."""

_SPACE: Final = re.compile(rb"[ \t\n\r]*+")
_PLAIN: Final = re.compile(rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_IN_STRING: Final = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_SCALAR: Final = re.compile(rb'[^ \t\n\r,:"{}\[\]]*+')


class BadText(Exception):
    """The text is no JSON from here on. The message says why."""

    def __init__(self, reason: str, place: "Place") -> None:
        super().__init__(reason)
        self.place = place


@dataclass(frozen=True, slots=True)
class Place:
    """Where something begins, in the text as UTF-8 has it."""

    line: int
    """From 1."""
    byte: int
    """From 0."""


_BEGIN: Final = Place(1, 0)


@dataclass(frozen=True, slots=True)
class RawJson:
    """An object of the text."""

    raw: bytes
    """Its JSON, where objects that were given by themselves are null; its beginning, if too large."""
    place: Place
    is_whole: bool
    """Whether it is as small as it has to be."""
    has_parts: bool = False
    """Whether objects in it were given by themselves."""
    value: dict[str, Any] | None = None
    """The same, if it is parsed already."""


class _Span:
    """The bytes of a value, as long as they are not too many."""

    def __init__(self, most: int) -> None:
        self._bytes = bytearray()
        self._most = most
        self.is_whole = True

    def add(self, piece: bytes) -> None:
        if self.is_whole:
            self._bytes += piece
            if len(self._bytes) > self._most:
                self.is_whole = False
                del self._bytes[_KEPT_OF_TOO_LARGE:]

    @property
    def bytes(self) -> bytes:
        return bytes(self._bytes)


class JsonText:
    """A text of JSON values, one or more, read piece by piece."""

    def __init__(self, pieces: Iterator[bytes], most: int, begin: Place = _BEGIN) -> None:
        """Begin before its first piece; an object of more than `most` bytes is not kept."""
        self._pieces = pieces
        self._most = most
        self._buffer = b""
        self._at = 0
        self._passed = begin.byte
        self._line = begin.line
        self._counted = 0

    def objects(self) -> Iterator[RawJson]:
        """Give each object, those within before the one that they are in. Raises BadText."""
        nowhere = _Span(0)
        while sign := self._sign(nowhere):
            if sign in (b"{", b"["):
                yield from self._value(sign, 0)
            elif sign == b",":
                self._at += 1
            else:
                raise BadText(
                    f"a {sign.decode('latin-1')!r} stands where an object should", self._place()
                )

    def _value(self, sign: bytes, depth: int) -> Iterator[RawJson]:
        if sign == b"[":
            return self._array(depth)
        small = self._small_object()
        return self._object(depth) if small is None else iter((small,))

    def _small_object(self) -> RawJson | None:
        """Give an object that ends soon and has no others to look for; the usual one, and quick."""
        end, depth, most = self._at, 0, min(len(self._buffer), self._at + _SMALL)
        while end < most:
            depth += 1 if self._buffer[end] in b"{[" else -1
            end += 1
            if depth == 0:
                break
            found = _PLAIN.match(self._buffer, end, most)
            end = found.end() if found else most
            if self._buffer[end : end + 1] == b'"':
                return None
        raw = self._buffer[self._at : end]
        value = None if depth or len(raw) > self._most else parsed(raw)
        if value is None or has_others(value):
            return None
        small = RawJson(raw, self._place(), is_whole=True, value=value)
        self._at = end
        return small

    def _array(self, depth: int) -> Iterator[RawJson]:
        nowhere = _Span(0)
        self._at += 1
        while True:
            sign = self._sign(nowhere)
            if sign in (b"{", b"[") and depth < _DEEPEST:
                yield from self._value(sign, depth + 1)
            elif sign == b"]":
                self._at += 1
                return
            elif sign == b",":
                self._at += 1
            elif sign and sign in b"}:":
                raise BadText(f"a {sign.decode()!r} stands where ']' should", self._place())
            else:
                self._pass_value(sign, nowhere)

    def _object(self, depth: int) -> Iterator[RawJson]:
        place, span, has_parts = self._place(), _Span(self._most), False
        self._take(1, span)
        while (sign := self._sign(span)) != b"}":
            if sign == b",":
                self._take(1, span)
                continue
            key = self._key(sign, span)
            sign = self._sign(span)
            if (
                sign in (b"{", b"[")
                and depth < _DEEPEST
                and is_looked_into(key.decode(errors="replace"))
            ):
                has_parts = True
                span.add(b"null")
                yield from self._value(sign, depth + 1)
            else:
                self._pass_value(sign, span)
        self._take(1, span)
        yield RawJson(span.bytes, place, span.is_whole, has_parts)

    def _key(self, sign: bytes, span: _Span) -> bytes:
        if sign != b'"':
            self._cut_off(sign)
            raise BadText(f"a {sign.decode('latin-1')!r} stands where a key should", self._place())
        key = _Span(_LONGEST_KEY)
        self._pass_string(key, span)
        sign = self._sign(span)
        if sign != b":":
            self._cut_off(sign)
            raise BadText("a key has no value", self._place())
        self._take(1, span)
        return key.bytes[1:-1]

    def _pass_value(self, sign: bytes, span: _Span) -> None:
        self._cut_off(sign)
        if sign in (b"{", b"["):
            self._pass_nested(span)
        elif sign == b'"':
            self._pass_string(span)
        elif sign in (b"}", b"]", b":", b","):
            raise BadText(f"a {sign.decode()!r} stands where a value should", self._place())
        else:
            self._match(_SCALAR, span)

    def _pass_nested(self, span: _Span) -> None:
        depth = 0
        while True:
            self._match(_PLAIN, span)
            sign = self._buffer[self._at : self._at + 1]
            self._cut_off(sign)
            if sign == b'"':  # it ends in another piece
                self._pass_string(span)
                continue
            depth += 1 if sign in b"{[" else -1
            if depth > _MOST_LEVELS:
                raise BadText(f"it is nested deeper than {_MOST_LEVELS:,} levels", self._place())
            self._take(1, span)
            if depth == 0:
                return

    def _pass_string(self, *spans: _Span) -> None:
        self._take(1, *spans)
        while True:
            self._match(_IN_STRING, *spans)
            sign = self._buffer[self._at : self._at + 1]
            self._cut_off(sign)
            self._take(1, *spans)
            if sign == b'"':
                return
            self._cut_off(self._buffer[self._at : self._at + 1] if self._fill() else b"")
            self._take(1, *spans)  # what a backslash at the end of a piece has before it

    def _match(self, pattern: re.Pattern[bytes], *spans: _Span) -> None:
        """Pass over what fits, through as many pieces as it takes."""
        while self._fill():
            found = pattern.match(self._buffer, self._at)
            end = found.end() if found else self._at
            is_over = end < len(self._buffer)
            self._take(end - self._at, *spans)
            if is_over:
                return

    def _sign(self, span: _Span) -> bytes:
        """Give the next byte that is no space, nothing at the end of the text."""
        self._match(_SPACE, span)
        return self._buffer[self._at : self._at + 1]

    def _take(self, size: int, *spans: _Span) -> None:
        for span in spans:
            span.add(self._buffer[self._at : self._at + size])
        self._at += size

    def _fill(self) -> bool:
        """See that a byte is there; say no at the end of the text."""
        while self._at >= len(self._buffer):
            self._line += self._buffer.count(b"\n", self._counted)
            self._passed += len(self._buffer)
            self._buffer, self._at, self._counted = next(self._pieces, b""), 0, 0
            if not self._buffer:
                return False
        return True

    def _place(self) -> Place:
        self._line += self._buffer.count(b"\n", self._counted, self._at)
        self._counted = self._at
        return Place(self._line, self._passed + self._at)

    def _cut_off(self, sign: bytes) -> None:
        if not sign:
            raise BadText("the text is cut off", self._place())


def is_json(text: bytes) -> bool:
    """Say whether a text is JSON, whatever it holds."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def parsed(raw: bytes) -> dict[str, Any] | None:
    """Give the object of a JSON text, None when it is none."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def has_others(value: Mapping[str, Any]) -> bool:
    """Say whether an object has others in it that are given by themselves."""
    return any(isinstance(part, dict | list) and is_looked_into(key) for key, part in value.items())


def is_looked_into(key: str) -> bool:
    """Say whether the objects under a key are given by themselves."""
    return key in _LOOKED_INTO or key.startswith(_NAMED_BY_ID)
