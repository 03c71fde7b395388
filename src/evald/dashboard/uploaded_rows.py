"""An uploaded table or JSON Lines on its way into a file that runs can read."""

import asyncio
from collections.abc import Iterator
from io import TextIOWrapper
from typing import BinaryIO, Final

from evald.data_sources.rows import LONGEST_LINE
from evald.errors import EvaldError
from evald.rules import json_text
from evald.rules.json_text import BadJson
from evald.rules.pasted_rows import MOST_PROBLEMS, Form, Problem, RowAt, rows_in


class UnreadableRows(EvaldError):
    """An upload has lines that cannot be read. Nothing of it is kept."""

    def __init__(self, form: Form, problems: list[Problem]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.form = form
        self.problems = tuple(problems[:MOST_PROBLEMS])
        self.hidden = len(problems) - len(self.problems)


class UploadedRows:
    """The rows of an upload as JSON Lines, read part by part: it is never held as a whole."""

    def __init__(self, upload: BinaryIO) -> None:
        """Begin at the first line. What is read is in whichever form people have their rows."""
        text = TextIOWrapper(upload, encoding="utf-8-sig", newline="")
        self._lines = _lines(text)
        self._found: Iterator[RowAt | Problem] | None = None
        self._form: Form = "JSON Lines"
        self.number = 0
        """Rows read so far."""

    async def read(self, size: int) -> bytes:
        """Give the next rows, of about this size. Raises UnreadableRows when there are problems."""
        return await asyncio.to_thread(self._read, size)

    def _read(self, size: int) -> bytes:
        texts: list[bytes] = []
        problems: list[Problem] = []
        left = size
        while left > 0 and len(problems) <= MOST_PROBLEMS:
            found = self._next()
            if found is None:
                break
            if isinstance(found, Problem):
                problems.append(found)
            elif not problems:
                texts.append(found)
                left -= len(found)
        if problems:
            raise UnreadableRows(self._form, problems)
        return b"".join(texts)

    def _next(self) -> bytes | Problem | None:
        """Give the text of the next row, what is wrong with a line, or None at the end."""
        try:
            if self._found is None:
                self._form, self._found = rows_in(self._lines)
            found = next(self._found, None)
        except UnicodeDecodeError:
            self._found = iter(())
            return Problem(
                1, "the file is no text in UTF-8. Save it as UTF-8, and upload it again."
            )
        except _LongLine:
            self._found = iter(())
            return Problem(1, f"a line of the file is longer than {LONGEST_LINE // 2**20} MB.")
        if not isinstance(found, RowAt):
            return found
        try:
            text = json_text.dump_bytes(found.row) + b"\n"
        except BadJson as error:
            return Problem(found.line, f"this row cannot be kept: {error}.")
        self.number += 1
        return text


class _LongLine(ValueError):
    """A line has more characters than a row may have."""


_LONGEST: Final = LONGEST_LINE


def _lines(text: TextIOWrapper) -> Iterator[str]:
    while line := text.readline(_LONGEST + 1):
        if len(line) > _LONGEST:
            raise _LongLine
        yield line
