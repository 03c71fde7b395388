"""One sandbox as the server sees it: a process to which rows are written, and which answers in order."""

import asyncio
import errno
import os
import signal
import time
from asyncio.subprocess import PIPE, Process
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import orjson

from evald.sandbox.answers import Answer, BadAnswer, executed, read_answer
from evald.sandbox.backend import Backend
from evald.sandbox.interface import Executed
from evald.sandbox.zygote import FRAME, READY

BEGUN_WITHIN_S: Final = 120.0
"""The largest packages take seconds to load, and on a busy machine with a slow disk far more."""

STUCK_AFTER_S: Final = 60.0
"""It ends its rows by itself when they have run too long. If it does not, it is killed so much later."""

_COMPLAINT_LIMIT: Final = 2_000
_PIECE: Final = 65_536
_DIED: Final = Executed(
    None,
    "python_died",
    "The whole sandbox ended while the grader ran. The machine may be short of memory.",
)


class SandboxFailed(Exception):
    """A sandbox ended before it could take rows. The text says why."""


class NoRoom(SandboxFailed):
    """The system had no room for another process or file; later it may."""


@dataclass(slots=True, eq=False)
class Row:
    """One call of `grade` that somebody waits for."""

    frame: bytes
    """As it is written to the sandbox."""
    asked_at: float
    executed: asyncio.Future[Executed] = field(repr=False)

    def answer(self, executed: Executed) -> None:
        """Tell it to whoever waits, if anybody still does."""
        if not self.executed.done():
            self.executed.set_result(executed)


def framed(text: bytes) -> bytes:
    """Give a JSON text as the sandbox reads it."""
    return FRAME.pack(len(text)) + text


class Sandbox:
    """One process and all that it isolates. Rows run in it one after the other."""

    def __init__(self, process: Process, backend: Backend) -> None:
        """Use `begin_sandbox`."""
        self._process = process
        self._limits = backend.limits
        self._folder = backend.folder
        self._killed = False
        self._is_last = False
        self.unanswered: deque[Row] = deque()
        """The rows that were written to it, in order; it works on the first."""
        self.since = time.monotonic()
        """When it began with the first row, or became idle."""
        self.last_seconds = 0.0
        """How long the last row ran."""

    @property
    def is_usable(self) -> bool:
        """Say whether it takes rows; one that has died may not be known yet to be dead."""
        return not self._killed and not self._is_last

    async def ready(self) -> Executed | None:
        """Wait until it takes rows. Gives what is wrong with the source, for all rows, or None.

        Raises SandboxFailed.
        """
        try:
            async with asyncio.timeout(BEGUN_WITHIN_S):
                answer = await self._next()
        except TimeoutError:
            raise SandboxFailed(f"It was not ready within {BEGUN_WITHIN_S:g} seconds.") from None
        if answer is None or answer.kind != READY:
            raise SandboxFailed(await self._complaint())
        return executed(answer, self._limits) if answer.outcome else None

    async def _complaint(self) -> str:
        self.kill()
        assert self._process.stderr is not None
        said = await self._process.stderr.read(_COMPLAINT_LIMIT)
        status = await self._process.wait()
        lines = said.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"It ended with status {status} and said nothing."

    def send(self, row: Row) -> None:
        """Write a row, to be run when those before it are."""
        if not self.unanswered:
            self.since = time.monotonic()
        self.unanswered.append(row)
        self.write(row.frame)

    def write(self, frame: bytes) -> None:
        """Write a frame; one that has died gets none."""
        stdin = self._process.stdin
        assert stdin is not None
        if not stdin.is_closing():  # uvloop would say so with a RuntimeError
            stdin.write(frame)

    async def answered(self) -> bool:
        """Wait for the answer to the first row. False when there are none any more: it has ended.

        A row that it died over is answered; those that are left then have to go through another.
        """
        answer = None if self._is_last else await self._next()
        if self._killed or (answer is None and (self._is_last or not self.unanswered)):
            return False
        self._is_last = answer is None or answer.is_last
        self.since = time.monotonic()
        result = _DIED if answer is None else executed(answer, self._limits)
        self.last_seconds = result.seconds
        self.unanswered.popleft().answer(result)
        return True

    async def _next(self) -> Answer | None:
        assert self._process.stdout is not None
        try:
            return await read_answer(self._process.stdout)
        except (asyncio.IncompleteReadError, OSError, BadAnswer):
            return None

    def is_stuck(self, now: float) -> bool:
        """Say whether it has not ended a row long after it had to."""
        return bool(self.unanswered) and now - self.since > self._limits.seconds + STUCK_AFTER_S

    def kill(self) -> None:
        """End it with everything in it. The kernel does so at once."""
        self._killed = True
        assert self._process.stdin is not None
        rows = self._process.stdin.transport
        if not rows.is_closing():  # what is still to be written would be a broken pipe
            rows.abort()
        if self._process.returncode is None:
            # With its group: what it has forked a moment ago may not be tied to its end yet. A root
            # without the right to signal other users has closed its pipe, on which the zygote ends.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def give_up(self) -> None:
        """End it as if it had died by itself: the row that it works on is an error."""
        self.kill()
        self._killed = False

    async def ended(self) -> None:
        """Kill it if it still runs, and wait until it is gone."""
        self.kill()
        await self._process.wait()
        # The zygote is killed by the end of that process, and is gone when nobody can write to its pipe.
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            with suppress(OSError):
                while await stream.read(_PIECE):
                    pass
        assert self._process.stdin is not None
        with suppress(OSError):  # Python 3.11.2 logs a broken pipe that nobody asks about
            await self._process.stdin.wait_closed()
        if self._folder is not None:
            self._folder.remove(str(self._process.pid))


async def begin_sandbox(backend: Backend, source: str) -> Sandbox:
    """Begin a sandbox for a source. Raises NoRoom."""
    beginning = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *backend.command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=backend.environment,
            cwd="/",
            start_new_session=True,
        )
    )
    try:
        process = await asyncio.shield(beginning)
    except OSError as error:
        # uvloop does not say which of its limits the system has met.
        is_known = error.errno in errno.errorcode
        said = error.strerror if is_known else "no room for another process or open file"
        raise NoRoom(f"It could not be begun: {said}.") from None
    except asyncio.CancelledError:
        # The loop would kill the process alone, and not what that has forked a moment before.
        with suppress(OSError):
            await Sandbox(await beginning, backend).ended()
        raise
    sandbox = Sandbox(process, backend)
    sandbox.write(framed(orjson.dumps({**backend.settings, "source": source})))
    return sandbox
