"""The objects of a page as they were sent, byte for byte."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# Numbers stay text: none is too long, and none loses a digit.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
_SPACE = re.compile(r"[ \t\n\r]*")
_LINE_BREAKS = bytes.maketrans(b"\r\n", b"  ")


class BadPage(Exception):
    """The answer is no page of a list. The message says why."""


@dataclass(frozen=True, slots=True)
class RawObject:
    """One object of a list."""

    raw: bytes
    """Its JSON as it was sent."""
    value: Mapping[str, Any]
    """The same, parsed; its numbers are text."""

    @property
    def id(self) -> str | None:
        """Its id, or None when it has none that is printable text; that of a number is its digits."""
        found = self.value.get("id")
        return found if isinstance(found, str) and found and found.isprintable() else None

    def line(self) -> bytes:
        """Give it as one line of JSON Lines.

        Line breaks stand only between the tokens of JSON, so a space in their place changes nothing.
        """
        return self.raw.translate(_LINE_BREAKS) + b"\n"


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list."""

    objects: list[RawObject]
    has_more: bool | None
    """Whether the list goes on; None when the answer does not say."""


def split_page(body: bytes) -> Page:
    """Give the objects of a page. Raises BadPage."""
    text = body.decode("utf-8", "surrogateescape")  # bytes that are no UTF-8 stay as they are
    objects: list[RawObject] | None = None
    has_more: bool | None = None
    try:
        for key, at in _members(text):
            if key == "data":
                objects = list(_elements(text, at))
            elif key == "has_more":
                found = _DECODER.raw_decode(text, at)[0]
                has_more = found if isinstance(found, bool) else None
    except (ValueError, IndexError) as error:
        raise BadPage(f"the answer is no whole JSON: {error}") from None
    except RecursionError:
        raise BadPage("the answer is nested too deep") from None
    if objects is None:
        raise BadPage("the answer is no list of objects")
    return Page(objects, has_more)


def one_object(body: bytes) -> RawObject:
    """Give the object that is the whole of an answer. Raises BadPage."""
    text = body.decode("utf-8", "surrogateescape").strip(" \t\r\n")
    try:
        value, end = _DECODER.raw_decode(text)
    except (ValueError, IndexError, RecursionError) as error:
        raise BadPage(f"the answer is no whole JSON: {error}") from None
    if not isinstance(value, dict) or end != len(text):
        raise BadPage("the answer is no object")
    return RawObject(text.encode("utf-8", "surrogateescape"), value)


def _members(text: str) -> Iterator[tuple[str, int]]:
    at = _after(text, 0, "{")
    while text[at] != "}":
        key, at = _DECODER.raw_decode(text, at)
        at = _after(text, _spaces(text, at), ":")
        yield str(key), at
        at = _next(text, _DECODER.raw_decode(text, at)[1], "}")
    if _spaces(text, at + 1) != len(text):
        raise ValueError("something follows its end")


def _elements(text: str, at: int) -> Iterator[RawObject]:
    at = _after(text, at, "[")
    while text[at] != "]":
        value, end = _DECODER.raw_decode(text, at)
        if not isinstance(value, dict):
            raise ValueError("what it lists are no objects")
        yield RawObject(text[at:end].encode("utf-8", "surrogateescape"), value)
        at = _next(text, end, "]")


def _next(text: str, at: int, closing: str) -> int:
    at = _spaces(text, at)
    return at if text[at] == closing else _after(text, at, ",")


def _after(text: str, at: int, sign: str) -> int:
    at = _spaces(text, at)
    if text[at] != sign:
        raise ValueError(f"{sign} is missing at character {at}")
    return _spaces(text, at + 1)


def _spaces(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
