"""A real `evald worker` process for tests."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.forking.forked import Forked
from tests.server import READY_WITHIN_S, STOPPED_WITHIN_S, evald_environment

READY = "evald worker is ready"


class EvaldWorker:
    """A worker on the Postgres that the environment names.

    >>> with EvaldWorker(tmp_path, {"EVALD_DATABASE_URL": url, "EVALD_UPSTREAM_BASE_URL": models.url}):
    ...     ...
    """

    process: Forked

    def __init__(
        self, folder: Path, environment: Mapping[str, str], *, concurrency: int | None = None
    ) -> None:
        """Write the log into `folder`; nothing is started yet."""
        self.log_file = folder / f"worker-{os.urandom(4).hex()}.log"
        self.environment = {"EVALD_DRAIN_SECONDS": "0", **environment}
        self.arguments = [] if concurrency is None else ["--concurrency", str(concurrency)]

    def __enter__(self) -> Self:
        """Start the worker and wait until it takes chunks."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the worker if it still runs, also one that is paused."""
        if self.process.poll() is None:
            self.go_on()
            self.process.send_signal(signal.SIGTERM)
        self.ended()

    def start(self) -> None:
        """Start, and return when it takes chunks. RuntimeError with the log when it ends instead."""
        with self.log_file.open("ab") as log:
            self.process = Forked(
                [sys.executable, "-m", "evald", "worker", *self.arguments],
                env=evald_environment(self.environment),
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], READY_WITHIN_S)
        line = self.process.stdout.readline().decode() if readable else ""
        if not line.startswith(READY):
            self.process.kill()
            raise RuntimeError(f"the worker did not start: {line}{self.log()}")

    def terminate(self) -> None:
        """Ask it to leave, and do not wait."""
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL and return when the process is gone."""
        self.process.send_signal(signal.SIGKILL)
        self.ended()

    def pause(self) -> None:
        """Stop it in the middle of whatever it does."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let a paused worker go on, which knows nothing of its pause."""
        self.process.send_signal(signal.SIGCONT)

    def ended(self) -> int:
        """Wait for the end of a worker that was told to end, and give its exit status."""
        try:
            return self.process.wait(STOPPED_WITHIN_S)
        finally:
            self.process.kill()
            assert self.process.stdout is not None
            self.process.stdout.close()

    def log(self) -> str:
        """Give everything that it logged."""
        return self.log_file.read_text(errors="replace")
