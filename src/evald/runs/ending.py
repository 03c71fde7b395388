"""The end of a run: its last status and what others are told of it, in one transaction."""

from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.runs import Status
from evald.contract.webhooks import EVENT_OF, Event
from evald.ids import new_id
from evald.runs.tools import Tools
from evald.store import runs as run_store
from evald.store.webhook_deliveries import record_event


async def record_end(
    connection: AsyncConnection, run_id: str, status: Status, finished_at: float
) -> None:
    """Have the end of a run told to whoever asks for it.

    Called by the one move that ends the run, in its transaction: there is one event for each end, and
    none without.
    """
    event = Event(new_id("evt"), EVENT_OF[status], int(finished_at), run_id)
    project_id = await run_store.project_of(connection, run_id)
    await record_event(connection, project_id, event, finished_at)


async def write_end(work: Callable[[AsyncConnection], Awaitable[None]], tools: Tools) -> None:
    """Do the work that may end a run, in one transaction; then what it recorded is sent.

    It may be begun again, and does not wait for a process that hangs.
    """
    try:
        await tools.database.write_soon(work)
    finally:
        tools.after_end()  # a cancel that comes during the write does not undo it
