"""Output items as JSON Lines and as CSV."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from evald.contract.json_types import JsonValue
from evald.reports.columns import Column
from evald.reports.values import json_of, parsed_item

PIECE: Final = 2**20
"""Characters that are enough to be handed on."""
NOTHING: Final = '""'
_LINE_BREAKS: Final = str.maketrans("\r\n", "  ")
_FORMULA: Final = re.compile("'*[=+\\-@\t\r\n\\0\uff1d\uff0b\uff0d\uff20]")
"""What a spreadsheet takes for a formula, also behind the apostrophes that we put before it."""
_STARTS: Final = frozenset("'=+-@\t\r\n\0\uff1d\uff0b\uff0d\uff20")


@dataclass(frozen=True)
class TextTable:
    """A table of lines, each made of one item alone."""

    head: str
    parts: Callable[[str], Iterable[str]]
    """Gives the line of an item's JSON text, with its end: one part, or more where it is long."""

    def begin(self) -> bytes:
        """Give what stands before the first item."""
        return self.head.encode()

    def take(self, texts: Sequence[str]) -> Iterator[bytes]:
        """Give the lines of these items, in pieces of a bounded size."""
        ready: list[str] = []
        size = 0
        for text in texts:
            for part in self.parts(text):
                ready.append(part)
                size += len(part)
                if size >= PIECE:
                    yield "".join(ready).encode()
                    ready, size = [], 0
        if ready:
            yield "".join(ready).encode()

    def end(self) -> bytes:
        """Give what stands behind the last item."""
        return b""


def whole_items() -> TextTable:
    """Give JSON Lines of the items as the API answers them."""
    return TextTable("", lambda text: (f"{_one_line(text)}\n",))


def json_lines(columns: Sequence[Column]) -> TextTable:
    """Give JSON Lines of objects that hold the columns by their names."""
    values = [(column.name, column.value) for column in columns]

    def parts(text: str) -> Iterator[str]:
        item = parsed_item(text)
        step = _step(text)
        for start in range(0, len(values), step):
            some = json_of({name: value(item) for name, value in values[start : start + step]})
            # One object of several: each but the last has its end cut off, each but the first its begin.
            line = f",{some[1:]}" if start else some
            yield f"{line}\n" if start + step >= len(values) else line[:-1]

    return TextTable("", parts)


def csv_lines(columns: Sequence[Column], *, is_raw: bool) -> TextTable:
    """Give CSV as RFC 4180 has it.

    Texts are as they are if it `is_raw`, else so that no spreadsheet computes them.
    """
    values = [column.value for column in columns]
    cell = _cell if is_raw else _safe_cell
    # A line without anything would be no line to a reader.
    nothing = NOTHING if len(values) == 1 else ""

    def parts(text: str) -> Iterator[str]:
        item = parsed_item(text)
        step = _step(text)
        for start in range(0, len(values), step):
            some = (
                ",".join([cell(value(item)) for value in values[start : start + step]]) or nothing
            )
            line = f",{some}" if start else some
            yield f"{line}\r\n" if start + step >= len(values) else line

    return TextTable(",".join(_quoted(column.name) for column in columns) + "\r\n", parts)


def _step(text: str) -> int:
    """Give how many columns to take at a time, of which each may hold as much as the item has."""
    return max(1, PIECE // len(text))


def _one_line(text: str) -> str:
    return text.translate(_LINE_BREAKS) if "\n" in text or "\r" in text else text


def _safe_cell(value: JsonValue) -> str:
    if isinstance(value, str) and value[:1] in _STARTS and _FORMULA.match(value):
        return _quoted(f"'{value}")
    return _cell(value)


def _cell(value: JsonValue) -> str:
    """Give a value as a cell: nothing for null, and quotation marks around an empty text."""
    if isinstance(value, str):
        return _quoted(value)
    if value is None:
        return ""
    return _quoted(json_of(value)) if isinstance(value, dict | list) else json_of(value)


def _quoted(text: str) -> str:
    if '"' in text:
        return '"' + text.replace('"', '""') + '"'
    is_plain = text and not (text[0].isspace() or text[-1].isspace() or "," in text)
    return text if is_plain and "\n" not in text and "\r" not in text else f'"{text}"'
