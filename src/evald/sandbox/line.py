"""The rows of one owner and one source, and the sandboxes that they go through."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Final

import structlog

from evald.sandbox.backend import Backend
from evald.sandbox.interface import Executed
from evald.sandbox.sandbox import NoRoom, Row, Sandbox, SandboxFailed, begin_sandbox

AHEAD_S: Final = 0.05
"""So much work is written ahead: a sandbox need not wait for the server, and little waits for it."""
MOST_AHEAD: Final = 32
PATIENCE_S: Final = 0.1
"""When rows wait longer than starting a sandbox takes, one more may be worth it."""
SPARE_IDLE_S: Final = 2.0
"""A sandbox on a spare place is ended when it has had nothing to do for so long."""
STARTS: Final = 2
"""So many sandboxes fail to start, one after the other, until all rows are errors."""
PAUSES_S: Final = (0.1, 0.5, 2.0, 5.0, 10.0, 20.0)
"""When the system has no room for another sandbox, it is asked again after these."""
_ENDED: Final = Executed(None, "python_server_error", "It was ended before it was graded.")

log = structlog.get_logger()


class SparePlaces:
    """How many more sandboxes there may be than one for each line: all lines share them."""

    def __init__(self, places: int, freed: Callable[[], None]) -> None:
        """Give so many places; `freed` is called when one comes back."""
        self._free = places
        self._freed = freed

    def take(self) -> bool:
        """Take a place, if there is one."""
        taken = self._free > 0
        self._free -= taken
        return taken

    def give_back(self) -> None:
        """Give a place to whoever asks next."""
        self._free += 1
        self._freed()


class Line:
    """Rows in the order of asking. It always may have one sandbox, and more while there are places."""

    def __init__(self, backend: Backend, source: str, places: SparePlaces) -> None:
        """Begin without a sandbox."""
        self._backend = backend
        self._source = source
        self._places = places
        self._waiting: deque[Row] = deque()
        self._serving: dict[Sandbox, bool] = {}
        """Those that take rows, and whether they hold a place that others may want."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._wrong: Executed | None = None
        """What is wrong with the source; known once it was loaded."""
        self._failed_starts = 0
        self._row_seconds = AHEAD_S  # one row at once, until it is known better
        self._look_again: asyncio.TimerHandle | None = None
        self._ended = False
        self.idle_since = time.monotonic()

    @property
    def is_idle(self) -> bool:
        """Say whether it has no rows at all."""
        return not self._waiting and not any(each.unanswered for each in self._serving)

    async def run(self, frame: bytes) -> Executed:
        """Give what comes of a row. Cancelled, it takes the row out of the way at once."""
        if self._wrong is not None:
            return self._wrong
        now = time.monotonic()
        row = Row(frame, now, asyncio.get_running_loop().create_future())
        self._waiting.append(row)
        self.fill()
        try:
            return await row.executed
        finally:
            if row.executed.cancelled():
                self._drop(row)
            self.idle_since = time.monotonic()

    def _drop(self, row: Row) -> None:
        for sandbox in self._serving:
            if row in sandbox.unanswered:
                sandbox.kill()  # the others in it go to the next one
                return
        if row in self._waiting:
            self._waiting.remove(row)

    def fill(self) -> None:
        """Give rows that wait to the sandboxes, and begin another if that is not enough."""
        ahead = max(1, min(MOST_AHEAD, round(AHEAD_S / self._row_seconds)))
        usable = [each for each in self._serving if each.is_usable]
        while self._waiting and usable:
            sandbox = min(usable, key=lambda each: len(each.unanswered))
            if len(sandbox.unanswered) >= ahead:
                break
            sandbox.send(self._waiting.popleft())
        # None is begun beside one that begins, or that is about to be gone.
        if self._waiting and not self._ended and len(self._tasks) == len(usable):
            self._begin_another()

    def _begin_another(self) -> None:
        """Begin a sandbox when it is the first, or when rows have waited long and there is a place."""
        waited = time.monotonic() - self._waiting[0].asked_at
        if not self._tasks:
            self._start(is_spare=False)
        elif waited >= PATIENCE_S:
            if self._places.take():
                self._start(is_spare=True)
        elif self._look_again is None:
            loop = asyncio.get_running_loop()
            self._look_again = loop.call_later(PATIENCE_S - waited, self._have_looked)

    def _have_looked(self) -> None:
        self._look_again = None
        self.fill()

    def _start(self, *, is_spare: bool) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(is_spare=is_spare))
        self._tasks.add(task)
        task.add_done_callback(self._served)
        if is_spare:
            task.add_done_callback(lambda _: self._places.give_back())

    def _served(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a sandbox broke", exc_info=error)
            self._answer_all(Executed(None, "python_server_error", f"The server broke: {error!r}"))
        self.fill()

    async def _serve(self, *, is_spare: bool) -> None:
        """Keep one sandbox from its begin to its end."""
        try:
            sandbox = await self._begun()
            try:
                await self._serve_through(sandbox, is_spare=is_spare)
            finally:
                await wholly(sandbox.ended())
        except SandboxFailed as error:
            self._start_failed(str(error))

    async def _begun(self) -> Sandbox:
        for pause in PAUSES_S:
            try:
                return await begin_sandbox(self._backend, self._source)
            except NoRoom as error:
                log.warning("a sandbox has to wait", reason=str(error), seconds=pause)
                await asyncio.sleep(pause)
        return await begin_sandbox(self._backend, self._source)

    async def _serve_through(self, sandbox: Sandbox, *, is_spare: bool) -> None:
        self._wrong = await sandbox.ready()
        self._failed_starts = 0
        if self._wrong is not None:
            self._answer_all(self._wrong)
            return
        self._serving[sandbox] = is_spare
        try:
            self.fill()
            while await sandbox.answered():
                self._row_seconds += (sandbox.last_seconds - self._row_seconds) / 8
                self.fill()
        finally:
            del self._serving[sandbox]
            left = [row for row in sandbox.unanswered if not row.executed.done()]
            self._waiting.extendleft(reversed(left))

    def _start_failed(self, reason: str) -> None:
        self._failed_starts += 1
        log.warning("a sandbox for a python grader could not be started", reason=reason)
        message = f"The sandbox could not be started: {reason}"
        executed = Executed(None, "python_server_error", message)
        if self._failed_starts >= STARTS:
            # Each further row would wait as long for the same: what the source loads ends it, or hangs.
            self._wrong = executed
            self._answer_all(executed)
        elif self._waiting:
            self._waiting.popleft().answer(executed)

    def _answer_all(self, executed: Executed) -> None:
        while self._waiting:
            self._waiting.popleft().answer(executed)

    def tidy(self, now: float) -> None:
        """Kill sandboxes that are stuck, and spare ones that have had nothing to do for a while."""
        for sandbox, is_spare in self._serving.items():
            if is_spare and not sandbox.unanswered and now - sandbox.since > SPARE_IDLE_S:
                sandbox.kill()
            elif sandbox.is_stuck(now):
                sandbox.give_up()

    async def end(self) -> None:
        """Kill its sandboxes, and answer its rows that they were ended. It takes no more."""
        self._ended = True
        if self._look_again is not None:
            self._look_again.cancel()
        for sandbox in self._serving:
            sandbox.kill()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._answer_all(_ENDED)


async def wholly(ending: Coroutine[None, None, None]) -> None:
    """Wait for an end that a cancel does not cut short; the cancel goes on afterwards."""
    task = asyncio.ensure_future(ending)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
