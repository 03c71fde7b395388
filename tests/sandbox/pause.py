"""A computation that goes on when the test says so, and the real end of a process."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

from tests.waiting import until


class Pause:
    """A named pipe: who reads it waits until the test has written to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.compute = path.read_text
        """The function to have computed aside; it gives the text of `go_on`."""
        self._open: list[int] = []

    async def is_reached(self) -> None:
        """Wait until a process computes it."""
        self._open.append(await asyncio.to_thread(until, self._opened))

    def _opened(self) -> int | None:
        try:
            return os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody reads it yet
            return None

    def go_on(self, text: str) -> None:
        """Let the process go on that was reached last."""
        os.write(self._open[-1], text.encode())
        self.close()

    def close(self) -> None:
        """Keep nothing open."""
        while self._open:
            os.close(self._open.pop())


async def kill(pid: int) -> None:
    """Send SIGKILL to a child of this process and return when it is dead."""
    os.kill(pid, signal.SIGKILL)
    with suppress(ChildProcessError):  # the loop was quicker
        await asyncio.to_thread(os.waitid, os.P_PID, pid, os.WEXITED | os.WNOWAIT)
