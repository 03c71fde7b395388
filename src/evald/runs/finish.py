"""Finish a run: completed when every row has its output item, failed when something was wrong."""

from sqlalchemy.ext.asyncio import AsyncConnection

from evald.rules.verdict import too_many_errors
from evald.runs.ending import record_end, write_end
from evald.runs.prepare import StillOurs, always
from evald.runs.tools import Tools
from evald.store import files as file_store
from evald.store import output_items as item_store
from evald.store import runs as run_store
from evald.store.runs import RunPlan


async def finish(plan: RunPlan, tools: Tools) -> None:
    """Complete a run whose rows are all saved; do nothing to any other.

    A run with more errored rows than the server allows fails instead, with their most common error.
    """

    async def finished(connection: AsyncConnection) -> None:
        run = await run_store.get_run_without_rows(
            connection, plan.project_id, plan.eval_id, plan.run_id
        )
        counts = run.counts
        if counts.total != run.row_count:
            return
        if too_many_errors(counts.errored, counts.total, tools.max_error_rate):
            common = await item_store.most_common_errors(connection, run.id, 1)
            message = f"{counts.errored} of {counts.total} rows errored, most often: {common[0][0]}"
            await _fail(connection, run.id, "too_many_errors", message, tools)
        else:
            await _complete(connection, run.id, tools)

    await write_end(finished, tools)


async def _complete(connection: AsyncConnection, run_id: str, tools: Tools) -> None:
    now = tools.clock()
    if await run_store.complete_run(connection, run_id, now):
        await record_end(connection, run_id, "completed", now)


async def fail_run(
    run_id: str, code: str, message: str, tools: Tools, still_ours: StillOurs = always
) -> None:
    """Fail a run as a whole; a run that is final already stays as it is.

    Raises what `still_ours` does: who has lost a run to another process does not fail it.
    """

    async def failed(connection: AsyncConnection) -> None:
        await still_ours(connection)
        await _fail(connection, run_id, code, message, tools)
        await file_store.purge_files(connection)  # its file may have been kept for it

    await write_end(failed, tools)


async def _fail(
    connection: AsyncConnection, run_id: str, code: str, message: str, tools: Tools
) -> None:
    shown = message.replace("\x00", "")  # Postgres keeps no NUL in texts, and rows can hold some
    now = tools.clock()
    failed = {"error_code": code, "error_message": shown, "finished_at": now}
    if await run_store.move(connection, run_id, "fail", **failed):
        await record_end(connection, run_id, "failed", now)
