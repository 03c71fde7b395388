"""Points in evald's work: where a process dies, or stops until it is told to go on."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from http.client import HTTPException
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from urllib.parse import urlsplit

from tests.forking.forked import Forked
from tests.server import Answer, EvaldServer, evald_environment

WITHIN_S = 60


@dataclass(frozen=True)
class Point:
    """The n-th call of a function, named as `module:name`; before it, or after its end."""

    target: str
    call: int = 1
    when: Literal["before", "after"] = "before"
    stop_at: str | None = None
    """The path of a `Barrier`, to stop there; None to die there."""

    def __str__(self) -> str:
        """Give a name for a test."""
        return f"{self.when} call {self.call} of {self.target.removeprefix('evald.')}"


class Barrier:
    """Where a process stops at a point, until the test lets it go on."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path = str(folder / f"{name}.socket")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.listener.settimeout(WITHIN_S)

    def point(
        self, target: str, call: int = 1, when: Literal["before", "after"] = "before"
    ) -> Point:
        """Give the point that stops here."""
        return Point(target, call, when, stop_at=self.path)

    def reached(self) -> None:
        """Return when the process stands at the point."""
        self.stopped, _ = self.listener.accept()
        self.stopped.settimeout(WITHIN_S)
        assert self.stopped.recv(16) == b"here\n"

    def go_on(self) -> None:
        """Let the process go on, if it still stands there: a cancel ends what it cancels."""
        with suppress(BrokenPipeError):
            self.stopped.sendall(b"on\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.listener.close()
        if hasattr(self, "stopped"):
            self.stopped.close()


class MinedServer(EvaldServer):
    """A server that dies or stops at points; started again it has none."""

    points: Sequence[Point] = ()

    def start(self) -> None:
        """Start with the points that are set, and forget them."""
        points, self.points = self.points, ()
        if points:
            self.launch(points)
            self.url = self._ready_line("evald is ready at ").split(",")[0]
            self.port = urlsplit(self.url).port or 0
        else:
            super().start()

    def launch(self, points: Sequence[Point]) -> None:
        """Start the process and wait for nothing."""
        laid = json.dumps([asdict(point) for point in points])
        arguments = ["serve", "--port", str(self.port), "--data-dir", str(self.data_dir)]
        with self.log_file.open("ab") as log:
            self.process = Forked(
                [sys.executable, "-m", "tests.crash.launcher", laid, *arguments],
                env=evald_environment(self.environment),
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def died(self) -> None:
        """Return when the process has killed itself at a point."""
        assert self.process.wait(WITHIN_S) == -signal.SIGKILL, self.log()
        self.kill()

    def ask_and_see_it_die(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer | None:
        """Make a request during which the process may kill itself; give the answer if one came."""
        with suppress(ConnectionError, HTTPException):
            return self.ask(method, path, body, headers)
        return None
