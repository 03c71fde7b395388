"""Cancel a run, with a promise: the answer holds the final counts, and no model call begins after it."""

from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.projects import ProjectId
from evald.contract.runs import Run
from evald.rules.status import is_final
from evald.runs.ending import record_end, write_end
from evald.runs.tools import Dispatch, Tools
from evald.store import files as file_store
from evald.store import runs as run_store


async def cancel_run(
    project_id: ProjectId, eval_id: str, run_id: str, tools: Tools, dispatch: Dispatch
) -> Run:
    """Cancel a run and give it as it will stay; a run that is final already is given unchanged.

    First the work stops here: calls in flight are closed, finished items are saved. Then one statement
    moves the status; from its commit no save is taken, whoever tries. Raises NotFound.
    """
    async with dispatch.alone(run_id):
        # Without its rows: they can be many megabytes, and calls go on until the work is stopped.
        run = await tools.database.read(
            lambda connection: run_store.get_run_without_rows(
                connection, project_id, eval_id, run_id
            )
        )
        if not is_final(run.status):
            await _stop_and_move(run, tools, dispatch)
    return await tools.database.read(
        lambda connection: run_store.get_run(connection, project_id, eval_id, run_id)
    )


async def _stop_and_move(run: Run, tools: Tools, dispatch: Dispatch) -> None:
    aborted = await dispatch.stop(run.id)
    try:
        await write_end(
            lambda connection: _cancel(connection, run, aborted, tools.clock(), dispatch), tools
        )
    except BaseException:
        dispatch.wake(run.id)  # the run is not canceled, so it goes on
        raise
    # A create request that was not answered yet may have woken the run in between.
    await dispatch.stop(run.id)


async def _cancel(
    connection: AsyncConnection, run: Run, aborted: int, now: float, dispatch: Dispatch
) -> None:
    if await run_store.cancel(connection, run.id, aborted, now):
        await dispatch.unqueue(connection, run.id)
        await record_end(connection, run.id, "canceled", now)
    if run.row_count is None:  # its file was kept for it
        await file_store.purge_files(connection)
