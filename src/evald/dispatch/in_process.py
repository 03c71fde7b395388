"""Carry runs out inside the server process, over SQLite or any other store.

Each run that is under way is one task that owns all its work; cancelling the task ends everything that
it began. After a restart the unfinished runs are taken up again: rows with an output item are skipped.
"""

import asyncio
from collections import OrderedDict
from weakref import WeakValueDictionary

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.dispatch.grace import Grace
from evald.errors import RunStopped
from evald.runs.begin import prepared
from evald.runs.carry_out import carry_out, open_chunk
from evald.runs.finish import fail_run, finish
from evald.runs.grader_tools import end_sandboxes
from evald.runs.recipe import Recipe, recipe_of
from evald.runs.saving import PAUSE_AFTER_FAILURE
from evald.runs.tools import Tools
from evald.store import chunks as chunk_store
from evald.store import runs as run_store
from evald.store.runs import RunPlan

log = structlog.get_logger()


class InProcessDispatch:
    """Carries out up to `runs_at_once` runs, the others in the order in which they came."""

    def __init__(self, tools: Tools, runs_at_once: int) -> None:
        """Begin with nothing to do."""
        self._tools = tools
        self._runs_at_once = runs_at_once
        self._waiting: OrderedDict[str, None] = OrderedDict()
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def resume(self) -> int:
        """Take up the runs that an earlier process left unfinished, and give their number."""
        unfinished = await self._tools.database.read(run_store.unfinished_runs)
        for run_id in unfinished:
            self.wake(run_id)
        return len(unfinished)

    def wake(self, run_id: str) -> None:
        """Have a run carried out. A second call changes nothing."""
        if run_id not in self._under_way and run_id not in self._waiting:
            self._waiting[run_id] = None
            self._start_waiting()

    async def stop(self, run_id: str) -> int:
        """Stop a run here, and give the number of model calls that this cut off."""
        self._waiting.pop(run_id, None)
        task = self._under_way.get(run_id)
        if task is None:
            return 0
        in_flight = self._tools.sampler.calls_in_flight(run_id)
        task.cancel()
        await asyncio.wait([task])
        return in_flight

    def alone(self, run_id: str) -> asyncio.Lock:
        """Give the lock under which a run is canceled; it lives while somebody holds or awaits it."""
        return self._locks.setdefault(run_id, asyncio.Lock())

    async def queue(self, connection: AsyncConnection, run_id: str) -> None:
        """Do nothing: `wake` names the run, and the next process finds it in the database."""

    async def unqueue(self, connection: AsyncConnection, run_id: str) -> None:
        """Leave a run that is over: nobody else looks for it."""

    async def close(self, grace: Grace) -> None:
        """Stop all runs, to be taken up by the next process; what is finished is saved.

        Rows that have begun come to their end if they do in time.
        """
        self._tools.gate.leaving = True
        self._waiting.clear()
        tasks = list(self._under_way.values())
        await grace.wait_for(tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _start_waiting(self) -> None:
        while (
            self._waiting
            and len(self._under_way) < self._runs_at_once
            and not self._tools.gate.leaving
        ):
            run_id, _ = self._waiting.popitem(last=False)
            task = asyncio.get_running_loop().create_task(self._carry_out(run_id), name=run_id)
            self._under_way[run_id] = task
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._under_way[task.get_name()]
        if not task.cancelled() and (error := task.exception()):
            # The store itself failed. The run stays as it is and is taken up at the next start.
            log.error("run left unfinished", run=task.get_name(), exc_info=error)
        self._start_waiting()

    async def _carry_out(self, run_id: str) -> None:
        """Carry out a run from wherever it stands, again and again while the store fails."""
        while not await self._came_to_an_end(run_id):
            if _is_cancelled() or self._tools.gate.leaving:
                return
            await asyncio.sleep(PAUSE_AFTER_FAILURE)

    async def _came_to_an_end(self, run_id: str) -> bool:
        """Carry out a run and see to it that its end is recorded; say whether there is one."""
        ended = True
        try:
            await carry_out_run(run_id, self._tools)
        except* RunStopped:
            log.info("run stopped", run=run_id)
        except* OperationalError as errors:  # the disk is full, say: what is saved stays saved
            log.warning("the store failed, the run goes on later", run=run_id, error=str(errors))
            ended = False
        except* Exception:  # the border of the process: the run must not stay open for ever
            log.exception("run broke", run=run_id)
            message = "The server failed while carrying out this run; its log says why."
            await fail_run(run_id, "internal_error", message, self._tools)
        return ended


def _is_cancelled() -> bool:
    """Say whether this task was cancelled: in a group, the error of a last save hides it."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def carry_out_run(run_id: str, tools: Tools) -> None:
    """Prepare, start, carry out and finish a run; one that is final or gone is left alone."""
    plan = await tools.database.read(lambda connection: run_store.get_plan(connection, run_id))
    if plan is None or not await prepared(plan, tools) or not await _start(plan, tools):
        return
    recipe = await asyncio.to_thread(recipe_of, plan, tools)
    try:
        await _all_chunks(recipe, tools)
    finally:
        # A cancel has killed those that were at work; when this returns all are gone.
        await end_sandboxes(run_id, tools)
    await finish(plan, tools)
    log.info("run carried out", run=run_id)


async def _start(plan: RunPlan, tools: Tools) -> bool:
    """Move a queued run to `in_progress`, and say whether it is there now."""
    if plan.status == "in_progress":
        return True
    return await tools.database.write(
        lambda connection: run_store.move(
            connection, plan.run_id, "start", started_at=tools.clock()
        )
    )


async def _all_chunks(recipe: Recipe, tools: Tools) -> None:
    """Carry out the chunks in order; the next begins while the last rows of one still run.

    Each is read while the one before it is carried out, so that no call waits for the store.
    """
    positions = await tools.database.read(
        lambda connection: chunk_store.open_positions(connection, recipe.run_id)
    )
    async with asyncio.TaskGroup() as group:
        all_begun: asyncio.Event | None = None
        for position in positions:
            chunk = await open_chunk(recipe, position, tools)
            if all_begun is not None:
                await all_begun.wait()
            if tools.gate.leaving:
                return
            all_begun = asyncio.Event()
            group.create_task(carry_out(chunk, recipe, tools, all_begun.set))
