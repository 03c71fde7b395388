"""The statements by which a run is stopped on all machines of a Postgres, before its status moves."""

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.projects import ProjectId
from evald.store.queue import SILENT_AFTER, drop_entries, notify

STOP: Final = "stop"
"""The notice that a run is to be stopped, followed by its id."""


async def ask_to_stop(connection: AsyncConnection, run_id: str) -> bool:
    """Ask all workers to stop a run, unless it is over; say whether they were asked.

    From the commit on none of its chunks is begun. The cancel that follows is carried out even if
    whoever asks for it is gone by then. A run that was deleted may still be at work somewhere.
    """
    asked = await connection.execute(_ASK_TO_STOP, {"run_id": run_id})
    if not asked.rowcount and (await connection.execute(_IS_THERE, {"run_id": run_id})).first():
        return False
    await drop_entries(connection, run_id, taken=False)
    await notify(connection, f"{STOP} {run_id}")
    return True


async def add_aborted(connection: AsyncConnection, run_id: str, calls: int) -> None:
    """Add the calls that a stop has cut off on this machine to those of a run that is not over yet."""
    await connection.execute(_ADD_ABORTED, {"run_id": run_id, "calls": calls})


async def may_go_on(connection: AsyncConnection, run_id: str) -> bool:
    """Say whether a run is in progress, and keep it from being stopped in this transaction."""
    found = await connection.execute(_MAY_GO_ON, {"run_id": run_id})
    return found.one_or_none() is not None


async def goes_on(connection: AsyncConnection, run_id: str) -> bool:
    """Say whether a run is neither over nor to be stopped."""
    return (await connection.execute(_GOES_ON, {"run_id": run_id})).first() is not None


async def stopped_for_long(
    connection: AsyncConnection,
) -> list[tuple[ProjectId, str, str]]:
    """Give the runs, each with project and eval, whose cancel was begun and has not come to an end."""
    found = await connection.execute(_STOPPED_FOR_LONG)
    return [(ProjectId(row.project_id), row.eval_id, row.id) for row in found]


_ASK_TO_STOP = text(
    "UPDATE runs SET stop_asked_at = extract(epoch FROM clock_timestamp()) "
    "WHERE id = :run_id AND status IN ('queued', 'in_progress')"
)
_IS_THERE = text("SELECT 1 FROM runs WHERE id = :run_id")
_ADD_ABORTED = text(
    "UPDATE runs SET calls_aborted = calls_aborted + :calls "
    "WHERE id = :run_id AND status IN ('queued', 'in_progress')"
)
_MAY_GO_ON = text(
    "SELECT id FROM runs WHERE id = :run_id AND status = 'in_progress' AND stop_asked_at IS NULL "
    "FOR SHARE"
)
_GOES_ON = text(
    "SELECT 1 FROM runs WHERE id = :run_id AND status IN ('queued', 'in_progress') "
    "AND stop_asked_at IS NULL"
)
_STOPPED_FOR_LONG = text(
    "SELECT runs.id, runs.eval_id, evals.project_id FROM runs JOIN evals ON evals.id = runs.eval_id "
    "WHERE runs.status IN ('queued', 'in_progress') "
    f"AND runs.stop_asked_at < extract(epoch FROM now()) - {SILENT_AFTER}"
)
