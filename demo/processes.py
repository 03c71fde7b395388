"""The demo's two child processes: ports, logs, readiness, and an end that leaves none behind."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.ending import DemoFailed, pause, undisturbed

READY_WITHIN = 60.0
"""Seconds that a process may take to get ready."""
STOP_WITHIN = 10.0
"""Seconds that a process may take to stop before it is killed."""
LOG_LINES = 20
"""Lines of a log that a message shows."""


@dataclass(frozen=True)
class Child:
    """A process of the demo, and the file that its output goes to."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def stop(self) -> None:
        """End the process: by SIGTERM, and by SIGKILL if that is not enough."""
        self.process.terminate()
        try:
            self.process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def end_of_log(self) -> str:
        """Give the last lines of the log, headed by its name."""
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_LINES:] or ["(nothing)"]
        return "\n".join([f"The end of {self.log}:", *(f"    {line}" for line in lines)])


@contextmanager
def family() -> Iterator[list[Child]]:
    """Give a list for children; those in it are stopped at the end, the youngest first."""
    children: list[Child] = []
    try:
        yield children
    finally:
        with undisturbed():
            for child in reversed(children):
                child.stop()


def start(name: str, command: list[str], log: Path) -> Child:
    """Start `python -m COMMAND`, tied to this process, with its output in `log`."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "demo.tied", str(os.getpid()), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment(),
            start_new_session=True,  # Ctrl-C reaches the demo alone, and it stops its children
        )
    return Child(name, process, log)


def environment() -> dict[str, str]:
    """Give this process's environment without evald's variables: the demo's server has its own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("EVALD_")}


def wait_until_ready(child: Child, announcement: str) -> str:
    """Give the URL that a child announces in its log once it answers. Raises DemoFailed."""
    deadline = time.monotonic() + READY_WITHIN
    while (url := announced_url(child.log, announcement)) is None:
        if (status := child.process.poll()) is not None:
            raise DemoFailed(f"{child.name} ended with {status} at its start. {child.end_of_log()}")
        if time.monotonic() > deadline:
            raise DemoFailed(
                f"{child.name} was not ready in {READY_WITHIN:.0f} s. {child.end_of_log()}"
            )
        pause(0.05)
    return url


def announced_url(log: Path, announcement: str) -> str | None:
    """Give the URL after these words at the start of a line in a log, or None while there is none."""
    for line in log.read_text(errors="replace").splitlines(keepends=True):
        if line.startswith(announcement) and line.endswith("\n"):
            return line.removeprefix(announcement).split()[0].rstrip(",")
    return None


def is_free(port: int) -> bool:
    """Say whether a server can take this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
