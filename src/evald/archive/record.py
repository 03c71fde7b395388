"""What a pull says of itself: its manifest, what it counted, and what it could not get."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from evald.archive.folder import dumped, load, remove, write_whole
from evald.archive.listing import Unreadable
from evald.archive.source import Source

HOLDINGS: Final = ("evals", "files", "stored_completions")
"""The folders of what was read."""


class WrongFolder(Exception):
    """The folder holds what was read from another place."""


@dataclass
class Tally:
    """What a pull has seen and read so far."""

    evals: int = 0
    runs: int = 0
    runs_already_there: int = 0
    output_items: int = 0
    files: int = 0
    stored_completions: int = 0
    failures: int = 0
    earlier_failures: int = 0
    """What earlier pulls could not get, and this one did not ask for."""


class Record:
    """The account of one pull in its folder."""

    def __init__(self, folder: Path, source: Source, tell: Callable[[str], None]) -> None:
        """Keep it in `folder`; `tell` is given a line for each thing that is done."""
        self._folder = folder
        self._source = source
        self.tell = tell
        self._failures: list[bytes] = []
        self._manifest: dict[str, Any] = {}
        self.tally = Tally()

    def begin(self, origin: str) -> None:
        """Say that a pull from there goes on. Raises WrongFolder.

        A folder for which nothing was read yet, by a wrong URL for instance, is free for another.
        """
        path = self._folder / "manifest.json"
        known = load(path).get("source", origin)
        if known != origin:
            if any((self._folder / name).exists() for name in HOLDINGS):
                known = self._source.safe(known)
                raise WrongFolder(f"{self._folder} holds what was read from {known}.")
            remove([self._folder / "failures.jsonl"])  # it is that of the other place
        self._manifest = {
            "format": "evald archive",
            "version": 1,
            "source": origin,
            "started_at": int(time.time()),
            "finished_at": None,
            "is_complete": False,
        }
        write_whole(path, dumped(self._manifest))

    def end(self, *, is_whole: bool, was_asked: Callable[[str], bool]) -> None:
        """Say how it ended; `was_asked` tells whether it asked for a path again.

        What an earlier pull could not get, and this one did not come to, is still to be had.
        """
        path = self._folder / "failures.jsonl"
        earlier = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        still = [line for line in earlier if not is_whole or not was_asked(_path_in(line))]
        earlier = [line for line in still if line not in self._failures]
        lines = earlier + self._failures
        self.tally.earlier_failures = len(earlier)
        write_whole(path, b"".join(lines))
        self._manifest["finished_at"] = int(time.time()) if is_whole else None
        self._manifest["is_complete"] = is_whole and not lines
        manifest = {**self._manifest, "last_pull": asdict(self.tally)}
        write_whole(self._folder / "manifest.json", dumped(manifest))

    def unreadable(self, path: str, gap: Unreadable) -> None:
        """Note that a list could not be read beyond a place."""
        self.fail(path, str(gap), after=gap.after)

    def fail(
        self, path: str, reason: str, found: str | None = None, after: str | None = None
    ) -> None:
        """Note what could not be had."""
        self.tally.failures += 1
        failure = {"path": path, "id": found, "after": after, "reason": reason}
        self._failures.append(json.dumps(failure).encode() + b"\n")
        place = f" after {after}" if after else ""
        self.tell(self._source.safe(f"not to be had: {path}{place}: {reason}"))


def _path_in(line: bytes) -> str:
    try:
        return str(json.loads(line)["path"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
