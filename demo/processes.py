"""The demo's two child processes: ports, logs, readiness, and an end that leaves none behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

PREFERRED_PORT = 8484
READY_WITHIN = 60.0
"""Seconds that a process may take to get ready."""
STOP_WITHIN = 10.0
"""Seconds that a process may take to stop before it is killed."""
LOG_LINES = 20
"""Lines of a log that a message shows."""


class DemoFailed(Exception):
    """The demo cannot go on. The message says why, in words for the person who started it."""


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
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_LINES:]
        return "\n".join([f"The end of {self.log}:", *(f"    {line}" for line in lines)])


@contextmanager
def family() -> Iterator[list[Child]]:
    """Give a list for children; those in it are stopped at the end, the youngest first."""
    children: list[Child] = []
    try:
        yield children
    finally:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C cuts nothing short
        for child in reversed(children):
            child.stop()
        signal.signal(signal.SIGINT, before)


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


def wait_until_ready(child: Child, ready_url: Callable[[], str | None]) -> str:
    """Give the URL that `ready_url` finds, asked until it does. Raises DemoFailed."""
    deadline = time.monotonic() + READY_WITHIN
    while (url := ready_url()) is None:
        if (status := child.process.poll()) is not None:
            raise DemoFailed(f"{child.name} ended with {status} at its start. {child.end_of_log()}")
        if time.monotonic() > deadline:
            raise DemoFailed(
                f"{child.name} was not ready in {READY_WITHIN:.0f} s. {child.end_of_log()}"
            )
        time.sleep(0.05)
    return url


def announced_url(log: Path) -> str | None:
    """Give the URL of the line `ready: URL` in a log, or None while there is none."""
    for line in log.read_text(errors="replace").splitlines(keepends=True):
        if line.startswith("ready: ") and line.endswith("\n"):
            return line.removeprefix("ready: ").strip()
    return None


def answering_url(url: str, health_path: str) -> str | None:
    """Give this URL if its health path answers 200, else None."""
    try:
        with urlopen(url + health_path, timeout=5) as answer:
            return url if answer.status == 200 else None
    except OSError:
        return None


def free_port() -> int:
    """Give the preferred port if it is free, else any other free one."""
    for port in (PREFERRED_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise DemoFailed("No port of 127.0.0.1 is free.")
