"""Delete runs and evals; what is in progress is canceled first."""

from contextlib import suppress

from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.projects import ProjectId
from evald.errors import NotFound
from evald.runs.cancel import cancel_run
from evald.runs.ending import record_end, write_end
from evald.runs.tools import Dispatch, Tools
from evald.store import evals as eval_store
from evald.store import runs as run_store


async def delete_run(
    project_id: ProjectId, eval_id: str, run_id: str, tools: Tools, dispatch: Dispatch
) -> None:
    """Cancel a run and remove it with its output items. Raises NotFound."""
    await cancel_run(project_id, eval_id, run_id, tools, dispatch)
    await tools.database.write(lambda connection: run_store.delete_run(connection, run_id))
    await dispatch.stop(run_id)  # somebody may have resumed it in between


async def delete_eval(
    project_id: ProjectId, eval_id: str, tools: Tools, dispatch: Dispatch
) -> None:
    """Cancel the runs of an eval and remove it with all of them. Raises NotFound."""
    await tools.database.read(
        lambda connection: eval_store.get_eval(connection, project_id, eval_id)
    )
    unfinished = await tools.database.read(
        lambda connection: run_store.run_ids_of_eval(connection, eval_id)
    )
    for run_id in unfinished:
        with suppress(NotFound):  # somebody deletes it by itself
            await cancel_run(project_id, eval_id, run_id, tools, dispatch)

    created_meanwhile: list[str] = []

    async def remove(connection: AsyncConnection) -> None:
        await eval_store.hold_eval(connection, project_id, eval_id)
        created_meanwhile[:] = await run_store.run_ids_of_eval(connection, eval_id)
        for run_id in created_meanwhile:
            await dispatch.unqueue(connection, run_id)
            await record_end(connection, run_id, "canceled", tools.clock())
        await eval_store.delete_eval(connection, eval_id)

    await write_end(remove, tools)
    for run_id in created_meanwhile:
        await dispatch.stop(run_id)
