"""evald as if just started, without its imports: ``python -m tests.forking.server SOCKET``.

This process has imported evald once, and each start of the tests is a fork of it. The child runs what
`python -m MODULE` runs, to the end of its interpreter, in a session of its own, with its own arguments,
variables, umask and files. Besides the imports it has only the seed of `hash` from here.

SOCKET is the number of a socket. Each request on it is one line of JSON, a `Start`, with four files:
standard input, output and error, and one for reports. A line with the child's number is reported at
once, and when it has ended a line with its status. When the tests are gone, the children are killed.
"""

import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import TextIOWrapper
from typing import Literal, TextIO

import evald.cli

LONGEST_READ = 1 << 20
FILES = 4
STANDARD_ERROR = 2
FIRST_FREE = 3

IMPORTED_WHEN_NEEDED = (
    "aiosqlite",
    "alembic.command",
    "asyncpg",
    "evald.dispatch.queue",
    "uvicorn.lifespan.off",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.protocols.websockets.auto",
)
"""What a start imports besides the modules of the commands."""


@dataclass(frozen=True)
class Start:
    """What a child is to be."""

    module: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    umask: int


def main() -> None:
    """Import, fork until the tests end, and in each child be what is asked for."""
    gc.disable()
    commands = [f"evald.cli.{module.name}" for module in pkgutil.iter_modules(evald.cli.__path__)]
    for name in (*commands, *IMPORTED_WHEN_NEEDED):
        importlib.import_module(name)
    gc.freeze()  # what no collector touches the children need not copy
    start = ForkServer(socket.socket(fileno=int(sys.argv[1]))).next_child()
    if start is not None:
        gc.enable()
        sys.argv[1:] = start.arguments
        runpy.run_module(start.module, run_name="__main__", alter_sys=True)


class ForkServer:
    """Forks, and reports the ends of its children."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.reports: dict[int, int] = {}
        self.ended, wake = os.pipe2(os.O_NONBLOCK)
        signal.set_wakeup_fd(wake)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)

    def next_child(self) -> Start | None:
        """Fork for each request and return in the child; return None when the tests are gone."""
        while True:
            ready, _, _ = select.select([self.control.fileno(), self.ended], [], [])
            if self.ended in ready:
                os.read(self.ended, LONGEST_READ)
                self.report_ended()
            if self.control.fileno() in ready:
                request, files = self.received()
                if not request:
                    self.kill_all()
                    return None
                if self.fork(files) == 0:
                    return self.become(Start(**json.loads(request)), files)

    def received(self) -> tuple[bytes, list[int]]:
        """Give a request and its files; nothing when there will be none any more."""
        request, files, _, _ = socket.recv_fds(self.control, LONGEST_READ, FILES)
        while request and not request.endswith(b"\n"):
            more = self.control.recv(LONGEST_READ)
            request = request + more if more else b""
        return request, files

    def fork(self, files: Sequence[int]) -> int:
        """Fork, and give 0 in the child. The parent keeps the file of reports alone."""
        child = os.fork()
        if child != 0:
            *its_own, report = files
            for file in its_own:
                os.close(file)
            self.reports[child] = report
            self.report(report, child)
        return child

    def report_ended(self) -> None:
        """Say of all children that have ended how they did."""
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG)) != (0, 0):
                child, status = ended
                report = self.reports.pop(child)
                self.report(report, os.waitstatus_to_exitcode(status))
                os.close(report)

    def report(self, file: int, number: int) -> None:
        with suppress(BrokenPipeError):  # nobody waits for it
            os.write(file, b"%d\n" % number)

    def kill_all(self) -> None:
        """Leave nothing behind."""
        for child in self.reports:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)

    def become(self, start: Start, files: Sequence[int]) -> Start:
        """Leave everything of this server but its modules, as a new process would have it."""
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self.control.detach()
        for number, file in enumerate(files[:FIRST_FREE]):
            os.dup2(file, number)
        os.closerange(FIRST_FREE, os.sysconf("SC_OPEN_MAX"))
        sys.stdin = as_at_the_start(0, "r", sys.stdin)
        sys.stdout = as_at_the_start(1, "w", sys.stdout)
        sys.stderr = as_at_the_start(STANDARD_ERROR, "w", sys.stderr)
        os.umask(start.umask)
        os.environ.clear()
        os.environ.update(start.environment)
        time.tzset()
        return start


def as_at_the_start(number: int, mode: Literal["r", "w"], old: TextIO) -> TextIO:
    """Open a standard file as Python does: lines reach a terminal, and errors anything, at once."""
    assert isinstance(old, TextIOWrapper)
    new = os.fdopen(number, mode, encoding=old.encoding, errors=old.errors, closefd=False)
    at_once = old.write_through  # PYTHONUNBUFFERED
    by_lines = not at_once and (number == STANDARD_ERROR or new.isatty())
    new.reconfigure(line_buffering=by_lines, write_through=at_once)
    return new


if __name__ == "__main__":
    main()
