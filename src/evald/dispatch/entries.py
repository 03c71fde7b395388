"""What is done with an entry of the queue: a run is begun, or a chunk of it is carried out."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.errors import RunStopped
from evald.rules.status import is_final
from evald.runs.begin import prepared
from evald.runs.carry_out import carry_out, open_chunk
from evald.runs.finish import fail_run, finish
from evald.runs.recipe import Recipe, recipe_of
from evald.runs.tools import Tools
from evald.runs.usable_here import what_is_lacking
from evald.store import chunks as chunk_store
from evald.store import queue, stopping
from evald.store import runs as run_store
from evald.store.queue import Entry
from evald.store.runs import RunPlan

log = structlog.get_logger()


class Work:
    """What the entries of one process are carried out with."""

    def __init__(self, tools: Tools) -> None:
        """Have no run at work yet."""
        self.tools = tools
        self._recipes: dict[str, tuple[RunPlan, Recipe]] = {}
        self.for_others: set[str] = set()
        """Runs that are not carried out here, since this process lacks what they need."""

    async def recipe(self, run_id: str) -> tuple[RunPlan, Recipe] | None:
        """Give plan and recipe of a run, compiled once for all its chunks; None when it is gone."""
        known = self._recipes.get(run_id)
        if known is None:
            plan = await self.plan(run_id)
            if plan is None:
                return None
            recipe = await asyncio.to_thread(recipe_of, plan, self.tools)
            known = self._recipes.setdefault(run_id, (plan, recipe))
        return known

    async def plan(self, run_id: str) -> RunPlan | None:
        """Give the plan of a run as it is now."""
        return await self.tools.database.read(partial(run_store.get_plan, run_id=run_id))

    async def can_carry_out(self, plan: RunPlan, recipe: Recipe) -> bool:
        """Say whether a run can be carried out here; if not, what lacks is logged."""
        lacking = await what_is_lacking(recipe.model, plan.testing_criteria, self.tools)
        if lacking is not None:
            self.for_others.add(plan.run_id)
            log.warning("a run is left to others", run=plan.run_id, lacking=lacking)
        return lacking is None

    def forget(self, run_id: str) -> None:
        """Let go of a run of which nothing is carried out here any more."""
        self._recipes.pop(run_id, None)


async def carry_out_entry(entry: Entry, work: Work, all_begun: Callable[[], None]) -> None:
    """Do the work of an entry, and end it.

    Cancelled, it saves what is finished and leaves the entry to whoever cancels. When the store fails
    the entry is left as it is: silent, it is taken again.
    """
    try:
        await _to_some_end(entry, work, all_begun)
    except* OperationalError as errors:
        log.warning("the store failed, the entry is taken later", error=str(errors))


async def _to_some_end(entry: Entry, work: Work, all_begun: Callable[[], None]) -> None:
    try:
        if entry.position is None:
            await _begin(entry, work)
        else:
            await _carry_out_chunk(entry, entry.position, work, all_begun)
    except* RunStopped:
        log.info("run stopped", run=entry.run_id)
        await work.tools.database.write(partial(queue.end_entry, entry=entry))
    except* OperationalError:
        raise
    except* Exception:  # the border of the process: the run must not stay open for ever
        log.exception("run broke", run=entry.run_id)
        await _fail(entry, work.tools)


async def _fail(entry: Entry, tools: Tools) -> None:
    message = "The server failed while carrying out this run; its log says why."
    still_ours = partial(queue.hold_entry, entry=entry)
    with suppress(RunStopped):  # then it goes on elsewhere
        await fail_run(entry.run_id, "internal_error", message, tools, still_ours)
    await tools.database.write(partial(queue.end_entry, entry=entry))


async def _begin(entry: Entry, work: Work) -> None:
    """Cut the rows of a run into chunks, if need be, and queue those that are not done."""
    tools = work.tools
    still_ours = partial(queue.hold_entry, entry=entry)
    plan = await work.plan(entry.run_id)
    if plan is None or is_final(plan.status) or not await prepared(plan, tools, still_ours):
        await tools.database.write(partial(queue.end_entry, entry=entry))
        return

    async def queue_all(connection: AsyncConnection) -> int:
        # The run before the entry, as a cancel locks them.
        await run_store.move(connection, entry.run_id, "start", started_at=tools.clock())
        await still_ours(connection)
        positions = await chunk_store.open_positions(connection, entry.run_id)
        if positions:
            await queue.queue_chunks(connection, entry.run_id, positions)
            await queue.end_entry(connection, entry)
        return len(positions)

    if not await tools.database.write_soon(queue_all):
        await _finish(entry, plan, tools)


async def _carry_out_chunk(
    entry: Entry, position: int, work: Work, all_begun: Callable[[], None]
) -> None:
    tools = work.tools
    found = await work.recipe(entry.run_id)
    if found is None:
        raise RunStopped(entry.run_id)
    plan, recipe = found
    if not await work.can_carry_out(plan, recipe):
        await tools.database.write(partial(queue.hand_back, entries=[entry]))
        return

    async def may_claim(connection: AsyncConnection) -> None:
        if not await stopping.may_go_on(connection, entry.run_id):
            raise RunStopped(entry.run_id)
        # After the run, as a cancel locks them; while this is locked we give no sign of life.
        await queue.hold_entry(connection, entry)

    chunk = await open_chunk(recipe, position, tools, may_claim)
    if not await carry_out(chunk, recipe, tools, all_begun):  # we leave
        await tools.database.write(partial(queue.hand_back, entries=[entry]))
        return

    async def end(connection: AsyncConnection) -> bool:
        # Looked at after the last save here, so whoever saves last of all sees the items of all.
        if await run_store.is_all_saved(connection, entry.run_id):
            return True
        await queue.end_entry(connection, entry)
        return False

    if await tools.database.write(end):
        await _finish(entry, plan, tools)
    log.debug("chunk carried out", run=entry.run_id, position=position)


async def _finish(entry: Entry, plan: RunPlan, tools: Tools) -> None:
    # The entry last: who dies in between, or seems to, leaves it to somebody who finishes the run.
    await finish(plan, tools)
    await tools.database.write(partial(queue.end_entry, entry=entry))
