"""Carry runs out on many machines: each takes chunks from the queue on Postgres, whoever is free.

The rules of the queue are those of `store/queue.py`: an entry is ours until we end it, hand it back, or
are silent for so long that another takes it over; what we save under an older claim is refused. So
a process may die, hang or be cut off at any moment, and nothing needs to notice but the others.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final
from weakref import WeakValueDictionary

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.dispatch.entries import Work, carry_out_entry
from evald.dispatch.grace import Grace
from evald.dispatch.held import Held, HeldEntries
from evald.dispatch.loops import again_and_again, end_of
from evald.errors import NotFound
from evald.runs.cancel import cancel_run
from evald.runs.grader_tools import end_sandboxes
from evald.runs.tools import Tools
from evald.store import queue, stopping
from evald.store.database import uninterrupted
from evald.store.line import Line
from evald.store.pgqueuer import keep_queue
from evald.store.queue import Entry

POLL: Final = 1.0
"""Seconds between two looks into the queue when no notice comes."""
SWEEP: Final = 5.0
"""Seconds between two looks for what fell out of the queue."""
FORGET: Final = 60.0
"""Seconds between two looks for what is of no use in it any more."""
OPEN_OF_A_RUN: Final = 2
"""Chunks of one run that have rows to begin here: one is worked on, the next is read meanwhile."""
OTHERS_STOP_WITHIN: Final = 1.0
"""Seconds that a cancel waits for other machines to save what they have finished, at the most.

They take some milliseconds; who is silent for LIVE_WITHIN is not waited for.
"""
LOOK: Final = 0.01
"""Seconds between two looks whether they have."""
OWNERS_FIRST: Final = 2.0
"""Seconds after the database came back in which those whose entries seem forsaken may renew them."""

log = structlog.get_logger()

Listeners = Sequence[Callable[[str], None]]


class QueueDispatch:
    """Takes entries of the queue and carries them out, `chunks_at_once` at a time."""

    def __init__(self, tools: Tools, url: str, chunks_at_once: int, listeners: Listeners) -> None:
        """Begin with nothing. With no chunks at once all that is in the queue is for others.

        `listeners` are given every notice of other processes.
        """
        self._tools = tools
        self._chunks_at_once = chunks_at_once
        self._listeners = listeners
        self._held = HeldEntries()
        self._line = Line(url, queue.CHANNEL, self._heard, self._give_sign)
        self._gate = tools.gate
        self._gate.in_contact = self._line.in_contact
        self._work = Work(tools)
        self._some = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping: set[str] = set()
        self._forgot = float("-inf")
        self._others: set[asyncio.Task[None]] = set()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @classmethod
    async def begun(
        cls, tools: Tools, url: str, chunks_at_once: int, listeners: Listeners
    ) -> "QueueDispatch":
        """Give one that takes up work, as soon as it is in contact with the database."""
        await keep_queue(url)
        dispatch = cls(tools, url, chunks_at_once, listeners)
        await dispatch._begin()
        return dispatch

    async def _begin(self) -> None:
        first = asyncio.Event()
        loops = [self._line.keep(first), again_and_again(self._sweep, SWEEP)]
        if self._chunks_at_once:
            loops.append(again_and_again(self._take_what_there_is, 0.0))
        self._tasks = [asyncio.create_task(loop) for loop in loops]
        await first.wait()

    async def queue(self, connection: AsyncConnection, run_id: str) -> None:
        """Put a run into the queue."""
        await queue.queue_run(connection, run_id)

    async def unqueue(self, connection: AsyncConnection, run_id: str) -> None:
        """Take a run out of it; who has an entry of it finds that it has none."""
        await queue.drop_entries(connection, run_id)

    def wake(self, run_id: str) -> None:
        """Look into the queue now."""
        self._some.set()

    def alone(self, run_id: str) -> asyncio.Lock:
        """Give the lock under which this process cancels a run; it lives while somebody needs it."""
        return self._locks.setdefault(run_id, asyncio.Lock())

    async def stop(self, run_id: str) -> int:
        """Stop a run here and elsewhere; each process adds the calls it cut off to the run itself."""
        self._stopping.add(run_id)
        try:
            if not await self._tools.database.write_soon(
                partial(stopping.ask_to_stop, run_id=run_id)
            ):
                return 0
            aborted, stopped = self._held.cut_off(run_id, self._tools.sampler.calls_in_flight)
            if stopped:
                await self._leave(run_id, aborted, stopped)
            # What a notice has stopped before is counted already, and still saves what is finished.
            await end_of([held.task for held in self._held.of_run(run_id)])
            await self._others_have_stopped(run_id)
        finally:
            self._stopping.discard(run_id)
        return 0

    async def _others_have_stopped(self, run_id: str) -> None:
        until = time.monotonic() + OTHERS_STOP_WITHIN
        held = partial(queue.count_held, run_id=run_id)
        while time.monotonic() < until and await self._tools.database.read(held) > 0:
            await asyncio.sleep(LOOK)

    async def close(self, grace: Grace) -> None:
        """Leave: what has begun may come to its end, the rest is for others, at once."""
        self._gate.leaving = True
        line, *loops = self._tasks
        await end_of(loops)
        for held in self._held.all():
            if held.entry.position is None:
                held.task.cancel()
        await grace.wait_for([held.task for held in self._held.all()])
        left = self._held.all()
        await end_of([held.task for held in left])
        with suppress(OperationalError):  # then they are silent, and taken over for that
            await self._tools.database.write(
                partial(queue.hand_back, entries=[held.entry for held in left])
            )
        if self._others:
            await asyncio.wait(self._others)
        await end_of([line])

    async def _take_what_there_is(self) -> None:
        """Take entries as long as there are any and there is room, then wait for a reason to look."""
        self._some.clear()
        while self._has_room() and await uninterrupted(self._take_one()):
            pass
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL):
                await self._some.wait()

    async def _take_one(self) -> bool:
        """Take an entry and begin its work; say whether there was one."""
        entry = await self._take()
        if entry is not None:
            self._start(entry)
        return entry is not None

    def _has_room(self) -> bool:
        return self._held.open < self._chunks_at_once and self._gate.is_open()

    async def _take(self) -> Entry | None:
        enough = [*self._held.runs_with_open(OPEN_OF_A_RUN), *self._work.for_others]
        is_new = self._line.connected_for() < OWNERS_FIRST
        silent_after = queue.SILENT_AFTER + (OWNERS_FIRST if is_new else 0.0)
        take = partial(queue.take_entry, but_of=enough, silent_after=silent_after)
        return await self._tools.database.write(take)

    def _start(self, entry: Entry) -> None:
        held = self._held.add(entry)

        def all_begun() -> None:
            held.is_open = False
            self._some.set()

        held.task = asyncio.create_task(carry_out_entry(entry, self._work, all_begun))
        held.task.add_done_callback(partial(self._ended, held))

    def _ended(self, held: Held, task: "asyncio.Task[None]") -> None:
        self._held.remove(held)
        if held.is_open:  # else its room was free before
            self._some.set()
        run_id = held.entry.run_id
        if not self._held.of_run(run_id):
            self._work.forget(run_id)
            self._aside(end_sandboxes(run_id, self._tools))
        if not task.cancelled() and (error := task.exception()):
            log.error("an entry was left", run=held.entry.run_id, exc_info=error)

    def _heard(self, notice: str) -> None:
        for listener in self._listeners:
            listener(notice)
        word, _, run_id = notice.partition(" ")
        if word == queue.WORK:
            self._some.set()
        elif word == stopping.STOP:
            self._obey(run_id)

    def _aside(self, work: Coroutine[Any, Any, None]) -> None:
        """Have something done that nobody waits for."""
        task = asyncio.create_task(work)
        self._others.add(task)
        task.add_done_callback(self._others.discard)

    def _obey(self, run_id: str) -> None:
        """Stop a run because another machine asked for it."""
        if run_id in self._stopping:  # it is us who asked
            return
        aborted, stopped = self._held.cut_off(run_id, self._tools.sampler.calls_in_flight)
        if stopped:
            self._aside(self._leave(run_id, aborted, stopped))

    async def _leave(self, run_id: str, aborted: int, stopped: Sequence[Held]) -> None:
        """Wait until nothing of a run goes on here and what was finished is saved; then say so."""
        await asyncio.wait([held.task for held in stopped])
        await end_sandboxes(run_id, self._tools)

        entries = [held.entry for held in stopped]

        async def tell(connection: AsyncConnection) -> None:
            if await stopping.goes_on(connection, run_id):
                # It was resumed before we heard of the stop, and these are of its new life.
                await queue.hand_back(connection, entries)
                return
            await stopping.add_aborted(connection, run_id, aborted)
            for entry in entries:
                await queue.end_entry(connection, entry)

        with suppress(OperationalError):  # the cancel does not wait for ever
            await self._tools.database.write(tell)

    async def _give_sign(self, connection: Any) -> None:
        """Renew what is ours; stop what is another's by now, and runs whose notice was lost."""
        held = self._held.all()
        lost, stopped = await queue.renew(connection, [each.entry for each in held])
        for each in held:
            if each.entry.claim in lost and each in self._held:  # it has not just ended
                log.warning("another worker has taken over", run=each.entry.run_id)
                each.task.cancel()
        for run_id in stopped:
            self._obey(run_id)

    async def _sweep(self) -> None:
        """Queue what fell out of the queue, and end the cancels whose process died over them."""
        if missing := await self._tools.database.write(queue.queue_what_is_missing):
            log.info("taking up unfinished runs", runs=len(missing))
        for project_id, eval_id, run_id in await self._tools.database.read(
            stopping.stopped_for_long
        ):
            with suppress(NotFound):  # it is deleted by now
                await cancel_run(project_id, eval_id, run_id, self._tools, self)
        if time.monotonic() - self._forgot > FORGET:
            await self._tools.database.write(queue.forget_old)
            self._forgot = time.monotonic()
            self._work.for_others.clear()  # most are over by now; of the others it is said again
