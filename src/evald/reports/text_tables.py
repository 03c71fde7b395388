"""Output items as JSON Lines and as CSV."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from evald.contract.json_types import JsonValue
from evald.reports.columns import Column
from evald.reports.values import json_of, parsed_item

NOTHING: Final = '""'
_LINE_BREAKS: Final = str.maketrans("\r\n", "  ")
_FORMULA: Final = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""What a spreadsheet takes for a formula, also behind the apostrophes that we put before it."""
_STARTS: Final = frozenset("'=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


@dataclass(frozen=True)
class TextTable:
    """A table of lines, each made of one item alone."""

    head: str
    line: Callable[[str], str]
    """Gives the line of an item's JSON text, with its end."""

    def begin(self) -> bytes:
        """Give what stands before the first item."""
        return self.head.encode()

    def take(self, texts: Sequence[str]) -> bytes:
        """Give the lines of these items."""
        return "".join(map(self.line, texts)).encode(errors="replace")

    def end(self) -> bytes:
        """Give what stands behind the last item."""
        return b""


def whole_items() -> TextTable:
    """Give JSON Lines of the items as the API answers them."""
    return TextTable("", lambda text: f"{_one_line(text)}\n")


def json_lines(columns: Sequence[Column]) -> TextTable:
    """Give JSON Lines of objects that hold the columns by their names."""
    values = [(column.name, column.value) for column in columns]

    def line(text: str) -> str:
        item = parsed_item(text)
        return json_of({name: value(item) for name, value in values}) + "\n"

    return TextTable("", line)


def csv_lines(columns: Sequence[Column], *, is_raw: bool) -> TextTable:
    """Give CSV as RFC 4180 has it.

    Texts are as they are if it `is_raw`, else so that no spreadsheet computes them.
    """
    values = [column.value for column in columns]
    cell = _cell if is_raw else _safe_cell

    def line(text: str) -> str:
        item = parsed_item(text)
        # A line without anything would be no line to a reader.
        return (",".join([cell(value(item)) for value in values]) or NOTHING) + "\r\n"

    return TextTable(",".join(_quoted(column.name) for column in columns) + "\r\n", line)


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
