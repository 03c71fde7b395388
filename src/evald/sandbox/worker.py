"""A process that computes one thing after the other, as the server sees it."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from typing import Final

from evald.sandbox import computing
from evald.sandbox.computing import LENGTH

# -P: what lies in the working directory is no module of ours.
COMMAND: Final = (sys.executable, "-P", "-m", computing.__name__)


class WorkerDied(Exception):
    """The process ended before it had answered; the text says how, "by signal 9" say."""


class Worker:
    """One process. Whatever cuts a computation short, a cancel too, ends it."""

    def __init__(self, process: Process) -> None:
        """Use `begin_worker`."""
        self._process = process
        self._killed = False

    @property
    def is_usable(self) -> bool:
        """Say whether it can be asked; one that has died may not be known yet to be dead."""
        return not self._killed and self._process.returncode is None

    async def ask(self, asked: bytes) -> bytes:
        """Give the answer to a message; one at a time. Raises WorkerDied."""
        try:
            return await self._exchange(asked)
        except (asyncio.IncompleteReadError, OSError):
            raise WorkerDied(await self.end()) from None
        except BaseException:
            # Nobody waits for the answer any more, and the next one would get it.
            self._kill()
            raise

    async def _exchange(self, asked: bytes) -> bytes:
        questions, answers = self._process.stdin, self._process.stdout
        assert questions is not None
        assert answers is not None
        if questions.is_closing():  # it has died; uvloop would say so with a RuntimeError
            raise BrokenPipeError
        questions.writelines((LENGTH.pack(len(asked)), asked))
        await questions.drain()
        (length,) = LENGTH.unpack(await answers.readexactly(LENGTH.size))
        return await answers.readexactly(length)

    async def end(self) -> str:
        """End the process if it still runs, and say how it ended."""
        self._kill()
        status = await self._process.wait()
        assert self._process.stdin is not None
        with suppress(OSError):  # Python 3.11.2 logs a broken pipe that nobody asks about
            await self._process.stdin.wait_closed()
        return f"by signal {-status}" if status < 0 else f"with status {status}"

    def _kill(self) -> None:
        self._killed = True
        assert self._process.stdin is not None
        questions = self._process.stdin.transport
        if not questions.is_closing():  # what is still to be written would be a broken pipe
            questions.abort()
        with suppress(ProcessLookupError):
            self._process.kill()


async def begin_worker() -> Worker:
    """Begin a process. Raises WorkerDied when the system has no room for one."""
    try:
        # In a session of its own, Ctrl-C in a terminal is the server's to answer.
        process = await asyncio.create_subprocess_exec(
            *COMMAND, stdin=PIPE, stdout=PIPE, start_new_session=True
        )
    except OSError as error:
        raise WorkerDied(f"before it began: {error.strerror}") from None
    return Worker(process)
