"""Output items as JSON Lines and as CSV, page by page."""

import re
from collections.abc import Sequence
from typing import Final

from evald.contract.json_types import JsonValue
from evald.reports.columns import Column
from evald.reports.values import json_of, parsed_item

NOTHING: Final = '""'
_LINE_BREAKS: Final = str.maketrans("\r\n", "  ")
_FORMULA: Final = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""What a spreadsheet takes for a formula, also behind the apostrophes that we put before it."""
_STARTS: Final = frozenset("'=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


class WholeItems:
    """JSON Lines of the items as the API answers them. Its functions are those of every table."""

    def begin(self) -> bytes:
        """Give what stands before the first item."""
        return b""

    def take(self, texts: Sequence[str]) -> bytes:
        """Give the lines of these items."""
        # A line break can only stand between two tokens, so a space in its place changes nothing.
        return "".join(f"{_one_line(text)}\n" for text in texts).encode(errors="replace")

    def end(self) -> bytes:
        """Give what stands behind the last item."""
        return b""


class LinesOfColumns(WholeItems):
    """JSON Lines of objects that hold the columns by their names."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = [(column.name, column.value) for column in columns]

    def take(self, texts: Sequence[str]) -> bytes:
        """Give the lines of these items."""
        items = map(parsed_item, texts)
        lines = (json_of({name: value(item) for name, value in self._columns}) for item in items)
        return "".join(f"{line}\n" for line in lines).encode()


class Csv(WholeItems):
    """CSV as RFC 4180 has it, in UTF-8."""

    def __init__(self, columns: Sequence[Column], *, is_raw: bool) -> None:
        """Write texts as they are if it `is_raw`, else so that no spreadsheet computes them."""
        self._columns = columns
        self._values = [column.value for column in columns]
        self._cell = _cell if is_raw else _safe_cell

    def begin(self) -> bytes:
        """Give the line of names."""
        return (",".join(_quoted(column.name) for column in self._columns) + "\r\n").encode()

    def take(self, texts: Sequence[str]) -> bytes:
        """Give the lines of these items."""
        cell, values = self._cell, self._values
        rows = [
            ",".join([cell(value(item)) for value in values]) for item in map(parsed_item, texts)
        ]
        # A line without anything would be no line to a reader.
        return "".join(f"{row or NOTHING}\r\n" for row in rows).encode(errors="replace")


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
