"""Lines sent to the server in small requests, and what it says of each told by its place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from evald.archive.sending.outcome import Counts, Origin, Outcome
from evald.archive.sending.server import Said, Server, ServerGone, lines_body

_LINES: Final = 100
"""Lines of a request: the server names as many."""
_BYTES: Final = 2 * 2**20
_TOO_MUCH: Final = (400, 413, 422)
"""Answers that may be those of one line among the others."""
KINDS: Final = ("evals", "runs", "output_items")


class Lines(Protocol):
    """Where lines of one kind go."""

    def add(self, line: bytes, origin: Origin) -> None:
        """Send a line, maybe later. Raises ServerGone."""
        ...

    def send(self) -> None:
        """Send what waits. Raises ServerGone."""
        ...


@dataclass
class Batches:
    """Lines that wait until they are enough for a request."""

    server: Server
    path: str
    outcome: Outcome
    take: Callable[["Batches", Any, Sequence[Origin]], None]
    """Counts what the server has said of lines."""
    counts: Counts
    """Where lines are counted that the server refused as they were."""
    refused: set[str] | None = None
    """Ids of the lines that were not taken; None when nobody asks for them."""
    _lines: list[bytes] = field(default_factory=list, init=False)
    _origins: list[Origin] = field(default_factory=list, init=False)
    _size: int = field(default=0, init=False)

    def add(self, line: bytes, origin: Origin) -> None:
        """Send a line, maybe later. Raises ServerGone."""
        if self._lines and self._size + len(line) > _BYTES:
            self.send()
        self._lines.append(line)
        self._origins.append(origin)
        self._size += len(line)
        if len(self._lines) >= _LINES:
            self.send()

    def holds(self, id_: str) -> bool:
        """Say whether a line of this id waits."""
        return any(each.id == id_ for each in self._origins)

    def refuse(self, origin: Origin, reason: str) -> None:
        """Keep that a line is not taken; it is counted by itself."""
        self.outcome.refuse(origin, reason)
        if self.refused is not None and origin.id is not None:
            self.refused.add(origin.id)

    def send(self) -> None:
        """Send what waits. Raises ServerGone."""
        lines, origins = self._lines, self._origins
        self._lines, self._origins, self._size = [], [], 0
        if lines:
            self._send(lines, origins)

    def _send(self, lines: list[bytes], origins: list[Origin]) -> None:
        said = self.server.ask("POST", self.path, lines_body(lines))
        if said.status == 200:
            try:
                self.take(self, said.value, origins)
            except (KeyError, TypeError, IndexError, AttributeError):
                raise ServerGone("What answers there is no evald that can import.") from None
        elif said.status not in _TOO_MUCH:
            raise ServerGone(_refused(said))
        elif len(lines) > 1:
            middle = len(lines) // 2
            self._send(lines[:middle], origins[:middle])
            self._send(lines[middle:], origins[middle:])
        else:
            self.counts.failed += 1
            self.refuse(origins[0], said.message)


def _refused(said: Said) -> str:
    if said.status in (404, 405):
        return "What answers there knows no import; it may be an older evald."
    return f"It answers {said.status}: {said.message}"


def history(batches: Batches, said: Any, origins: Sequence[Origin]) -> None:
    """Count what became of lines of history."""
    outcome = batches.outcome
    for name in KINDS:
        known: Counts = getattr(outcome, name)
        for key in ("imported", "existing", "different", "replaced"):
            setattr(known, key, getattr(known, key) + said[name][key])
    batches.counts.failed += said["failed"]
    for error in said["errors"]:
        batches.refuse(origins[error["line"] - 1], error["message"])
    for note in said["notes"]:
        outcome.note(origins[note["line"] - 1], note["message"])


def completions(batches: Batches, said: Any, origins: Sequence[Origin]) -> None:
    """Count what became of stored completions."""
    counts = batches.counts
    counts.imported += said["imported"]
    counts.existing += said["existing"]
    counts.failed += said["failed"]
    for error in said["errors"]:
        batches.refuse(origins[error["line"] - 1], error["message"])
