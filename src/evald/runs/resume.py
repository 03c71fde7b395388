"""Resume a run: canceled or failed, it goes on where it stopped; errored rows are redone on request."""

from dataclasses import dataclass
from typing import Final

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.projects import ProjectId
from evald.contract.runs import Run, RunError
from evald.errors import BadRequest
from evald.rules.status import Event, is_final
from evald.rules.tally import Counted, outcomes_of, tally
from evald.rules.verdict import too_many_errors
from evald.runs.asked_models import check_served
from evald.runs.given import UNUSABLE_SCHEMA
from evald.runs.tools import Dispatch, Tools
from evald.runs.usable_here import check_usable
from evald.store import chunks as chunk_store
from evald.store import counters as counter_store
from evald.store import evals as eval_store
from evald.store import files as file_store
from evald.store import output_items as item_store
from evald.store import runs as run_store

ITEMS_AT_ONCE: Final = 256
"""Errored items that are looked through at a time."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Which run is to go on."""

    project_id: ProjectId
    eval_id: str
    run_id: str
    event: Event
    """`resume`, or `retry` to redo its errored rows as well."""

    async def read(self, connection: AsyncConnection) -> Run:
        """Give the run without the rows that came with it. Raises NotFound."""
        return await run_store.get_run_without_rows(
            connection, self.project_id, self.eval_id, self.run_id
        )


async def resume_run(asked: Resume, tools: Tools, dispatch: Dispatch) -> Run:
    """Have a run go on that has ended, and give it; one with nothing to do is given unchanged.

    Raises NotFound, and BadRequest for a run that could not go on; then nothing is changed.
    """
    async with dispatch.alone(asked.run_id):
        run = await tools.database.read(asked.read)
        if run.imported is not None:
            raise _refused(
                "imported_run", "It was imported, and is history: it is not carried out here."
            )
        if _has_work(run, asked.event):
            await _check_usable(asked, run, tools)
            await _reopen_and_wake(asked, tools, dispatch)
    return await tools.database.read(
        lambda connection: run_store.get_run(
            connection, asked.project_id, asked.eval_id, asked.run_id
        )
    )


def _has_work(run: Run, event: Event) -> bool:
    """Say whether an event moves a run: a completed one has only its errored rows left to do."""
    if run.status == "completed":
        return event == "retry" and run.counts.errored > 0
    return is_final(run.status)


async def _check_usable(asked: Resume, run: Run, tools: Tools) -> None:
    of_eval = await tools.database.read(
        lambda connection: eval_store.get_eval(connection, asked.project_id, asked.eval_id)
    )
    model = orjson.loads(run.data_source_text).get("model")
    if isinstance(model, str):
        check_served(model, "data_source.model", tools)
    await check_usable(of_eval, tools)


async def _reopen_and_wake(asked: Resume, tools: Tools, dispatch: Dispatch) -> None:
    # Whoever carried it out may have saved its end and not be gone yet: a wake would do nothing.
    await dispatch.stop(asked.run_id)

    async def reopen(connection: AsyncConnection) -> None:
        before = await asked.read(connection)
        if not await run_store.reopen_run(connection, before.id, asked.event):
            return  # somebody else was quicker
        await chunk_store.release_chunks(connection, before.id)
        if asked.event == "retry":
            await _remove_errored(connection, before.id, len(before.criteria))
        # A refusal takes back all of it.
        await _check_goes_on(connection, asked, before.error, tools)
        # Of its former life nothing is left in the queue: whoever has a chunk of that has it no more.
        await dispatch.unqueue(connection, before.id)
        await dispatch.queue(connection, before.id)

    try:
        await tools.database.write_soon(reopen)
    finally:
        dispatch.wake(asked.run_id)  # what is not to be carried out is left alone


async def _remove_errored(connection: AsyncConnection, run_id: str, criteria: int) -> None:
    """Remove the errored items of a run, with what they count; what they cost was spent."""
    seq = 0
    while items := await item_store.errored_behind(connection, run_id, seq, ITEMS_AT_ONCE):
        counted = [Counted("error", outcomes_of(orjson.loads(body)), ()) for _, body in items]
        await counter_store.take_from_counters(connection, run_id, tally(counted, criteria))
        seq = items[-1][0]
    await item_store.delete_errored(connection, run_id)


async def _check_goes_on(
    connection: AsyncConnection, asked: Resume, ended_by: RunError | None, tools: Tools
) -> None:
    """Check that a run which was just queued again would not end as it did. Raises BadRequest."""
    run = await asked.read(connection)
    if run.row_count is None:
        await _check_rows_can_be_read(connection, asked.run_id, ended_by)
        return
    errored, total = run.counts.errored, run.counts.total
    if total == run.row_count and too_many_errors(errored, total, tools.max_error_rate):
        raise _refused(
            "too_many_errors",
            f"Every row has its item, and {errored} of {total} errored, more than max_error_rate "
            'allows. Send {"retry": "errored"} to redo those.',
        )


async def _check_rows_can_be_read(
    connection: AsyncConnection, run_id: str, ended_by: RunError | None
) -> None:
    if ended_by is not None and ended_by.code in ("invalid_rows", UNUSABLE_SCHEMA):
        raise _refused(
            ended_by.code,
            f"Its rows cannot be used, and would be the same: {ended_by.message} Create a new run.",
        )
    plan = await run_store.get_plan(connection, run_id)
    assert plan is not None, "it was moved in this transaction"
    if (source := plan.regrade_of) is not None:
        if not await run_store.is_there(connection, source.run_id):
            raise _refused(
                "source_run_deleted",
                "The run whose samples it grades was deleted before all of them were read.",
            )
    elif not await file_store.is_there(connection, plan.unread_file_id or ""):
        raise _refused(
            "file_deleted",
            "Its file was deleted before all rows were read. Upload it again, and create a new run.",
        )


def _refused(code: str, why: str) -> BadRequest:
    return BadRequest(f"This run cannot be resumed. {why}", param="run_id", code=code)
