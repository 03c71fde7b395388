"""Rows from where they come, checked and cut into chunks."""

from collections.abc import Iterable, Sequence
from typing import Final

from evald.contract.json_types import JsonObject, JsonValue
from evald.rules import json_text
from evald.rules.rows import BadRow, RowCheck
from evald.store.chunks import BYTES_A_CHUNK, ROWS_A_CHUNK, PackedChunk, pack, row_text

LONGEST_LINE: Final = 32 * 1024 * 1024
"""Bytes of one row."""


class ChunkCutter:
    """Collects checked rows and gives them back as chunks."""

    def __init__(self, check: RowCheck) -> None:
        """Begin with row 0 of chunk 0."""
        self._check = check
        self._texts: list[bytes] = []
        self._size = 0
        self._position = 0
        self.row_count = 0
        """Rows taken so far."""

    def take(self, rows: Iterable[tuple[str, JsonValue]]) -> list[PackedChunk]:
        """Take rows, each with the words that say where it stands; give the chunks that are full.

        Raises BadRow.
        """
        full = []
        for place, row in rows:
            self._take_one(self._check.checked(row, place), place)
            if len(self._texts) >= ROWS_A_CHUNK or self._size >= BYTES_A_CHUNK:
                full.append(self._cut())
        return full

    def rest(self) -> list[PackedChunk]:
        """Give the last chunk, if rows are left."""
        return [self._cut()] if self._texts else []

    def _take_one(self, row: JsonObject, place: str) -> None:
        try:
            text = row_text(row)
        except json_text.BadJson as error:
            raise BadRow(f"{place} cannot be kept: {error}.") from None
        if len(text) > LONGEST_LINE:
            raise BadRow(f"{place} is longer than {LONGEST_LINE // 2**20} MB.")
        self._texts.append(text)
        self._size += len(text)
        self.row_count += 1

    def _cut(self) -> PackedChunk:
        chunk = pack(self._position, self.row_count - len(self._texts), self._texts)
        self._texts, self._size = [], 0
        self._position += 1
        return chunk


def inline_rows(content: Sequence[JsonValue]) -> Iterable[tuple[str, JsonValue]]:
    """Give rows that came with a request, each with its place in it."""
    for index, row in enumerate(content):
        yield f"data_source.source.content[{index}]", row


def inline_chunks(content: Sequence[JsonValue], check: RowCheck) -> tuple[list[PackedChunk], int]:
    """Give the chunks of rows that came with a request, and their number. Raises BadRow."""
    cutter = ChunkCutter(check)
    full = cutter.take(inline_rows(content))
    return full + cutter.rest(), cutter.row_count


class LineReader:
    """Cuts the bytes of a JSONL file into rows. Blank lines are passed over, but counted."""

    def __init__(self) -> None:
        """Begin before the first line."""
        self._rest = b""
        self._line = 0

    def feed(self, part: bytes) -> list[tuple[str, JsonValue]]:
        """Give the rows whose lines are complete now, each with its place. Raises BadRow."""
        *lines, self._rest = (self._rest + part).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            raise BadRow(f"line {self._line + len(lines) + 1} is longer than {LONGEST_LINE} bytes.")
        return [row for line in lines for row in self._parsed(line)]

    def end(self) -> list[tuple[str, JsonValue]]:
        """Give the last row, of a file that does not end with a newline."""
        line, self._rest = self._rest, b""
        return self._parsed(line)

    def _parsed(self, line: bytes) -> list[tuple[str, JsonValue]]:
        self._line += 1
        if self._line == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")  # some editors begin UTF-8 with this mark
        if not line.strip():
            return []
        try:
            return [(f"line {self._line}", json_text.parse(line))]
        except json_text.BadJson as error:
            raise BadRow(f"line {self._line} is not valid JSON: {error}.") from None
