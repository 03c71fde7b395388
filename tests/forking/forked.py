"""Processes of evald that are forks of one which has imported it: `tests/forking/server.py`."""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Lock
from typing import IO

CHECKOUT = Path(__file__).resolve().parents[2]
READ_AT_THE_START = ("PYTHON", "LANG", "LC_")
"""How the variables begin that Python reads before it runs anything."""
_one_at_a_time = Lock()


class Forked:
    """A process that was begun, with what tests use of `subprocess.Popen`."""

    pid: int
    stdout: IO[bytes] | None = None
    """What it says, if a pipe was asked for."""
    returncode: int | None = None

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        stdout: IO[str] | IO[bytes] | int,
        stderr: IO[str] | IO[bytes],
    ) -> None:
        """Begin `python -m MODULE …` in the checkout; `stdout` is a file or `subprocess.PIPE`.

        Its input is that of the tests, and it is in a session of its own.
        """
        python, option, module, *arguments = command
        assert (python, option) == (sys.executable, "-m")
        self.args = list(command)
        reports, report = os.pipe()
        self._reports = os.fdopen(reports, "rb", buffering=0)
        if isinstance(stdout, int):
            assert stdout == subprocess.PIPE
            said, into = os.pipe()
            self.stdout = os.fdopen(said, "rb")
        else:
            into = os.dup(stdout.fileno())
        start = {
            "module": module,
            "arguments": arguments,
            "environment": dict(env),
            "umask": _umask(),
        }
        request = json.dumps(start).encode() + b"\n"
        seen = [item for item in env.items() if item[0].startswith(READ_AT_THE_START)]
        with _one_at_a_time:
            control = _fork_server(frozenset(seen))
            sent = socket.send_fds(control, [request], (0, into, stderr.fileno(), report))
            control.sendall(request[sent:])
            os.close(report)
            os.close(into)
            self.pid = self._reported()

    def _reported(self) -> int:
        line = self._reports.readline()
        assert line, "the fork server has died"
        return int(line)

    def poll(self) -> int | None:
        """Give the exit status, or minus the signal; None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and give its exit status, or minus the signal. Raises TimeoutExpired."""
        if self.returncode is None:
            ended, _, _ = select.select([self._reports], [], [], timeout)
            if not ended:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = self._reported()
            self._reports.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL, if it still runs."""
        self.send_signal(signal.SIGKILL)


def _umask() -> int:
    given = os.umask(0o077)
    os.umask(given)
    return given


@cache
def _fork_server(variables: frozenset[tuple[str, str]]) -> socket.socket:
    """Begin the server for this process of the tests and these variables; give the socket to it."""
    ours, its = socket.socketpair()
    with its:
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.forking.server", str(its.fileno())],
            cwd=CHECKOUT,
            env=dict(variables),
            pass_fds=[its.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is the tests' to answer
        )
    atexit.register(_end, server, ours)
    return ours


def _end(server: subprocess.Popen[bytes], control: socket.socket) -> None:
    control.close()
    server.wait()
