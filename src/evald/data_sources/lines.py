"""Bytes that arrive in parts, cut into lines of which none is held that is too long."""

from collections.abc import Iterator
from dataclasses import dataclass

from evald.data_sources.rows import LONGEST_LINE


@dataclass(frozen=True, slots=True)
class Line:
    """One line that holds anything."""

    number: int
    """From 1; blank lines are counted."""
    text: bytes | None
    """Without white space around it; None when the line is longer than LONGEST_LINE."""


class LineCutter:
    """Cuts bytes into lines. Blank ones are passed over, but counted."""

    def __init__(self) -> None:
        """Begin before the first line."""
        self._pieces: list[bytes] = []
        self._size = 0
        self._number = 0

    def feed(self, part: bytes) -> Iterator[Line]:
        """Give the lines that are complete now; all of them are to be taken before the next part."""
        first, *others = part.split(b"\n")
        self._add(first)
        for piece in others:
            yield from self.end()
            self._add(piece)

    def end(self) -> Iterator[Line]:
        """Give the line that has come so far, of bytes that do not end with a newline."""
        text, size = b"".join(self._pieces), self._size
        self._pieces, self._size = [], 0
        self._number += 1
        if size > LONGEST_LINE:
            yield Line(self._number, None)
            return
        # Some editors begin UTF-8 with this mark, and files are put one behind the other.
        if text := text.removeprefix(b"\xef\xbb\xbf").strip():
            yield Line(self._number, text)

    def _add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > LONGEST_LINE:
            self._pieces.clear()
        elif piece:
            self._pieces.append(piece)
