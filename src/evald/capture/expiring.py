"""Delete what was captured when it is older than it may become."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.capture.kinds import COMPLETIONS, RESPONSES, Kind, Stored
from evald.clock import Clock
from evald.contract.projects import ProjectId
from evald.store.api_keys import project_ids
from evald.store.database import Database
from evald.store.turns import EXPIRING, take_turns

log = structlog.get_logger()

DAY: Final = 24 * 60 * 60
DELETED_AT_ONCE: Final = 500
"""Answers that one transaction deletes, so that others get their turn to write."""


@asynccontextmanager
async def expiring(
    days: int | None, database: Database, clock: Clock, every: float = DAY
) -> AsyncIterator[None]:
    """Delete answers older than so many days, now and then daily, for as long as the block lasts.

    None keeps them all.
    """
    if days is None:
        yield
        return
    task = asyncio.get_running_loop().create_task(
        _again_and_again(days, database, clock, every), name="expiring"
    )
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _again_and_again(days: int, database: Database, clock: Clock, every: float) -> None:
    while True:
        try:
            await expire(int(clock()) - days * DAY, database)
        except SQLAlchemyError as error:  # the disk is full, say: then tomorrow
            log.error("old answers not deleted", error=str(error))
        await asyncio.sleep(every)


async def expire(before: int, database: Database) -> None:
    """Delete the completions and responses of all projects that are from before a Unix second."""
    for project_id in await database.read(project_ids):
        await _expire(COMPLETIONS, project_id, before, database)
        await _expire(RESPONSES, project_id, before, database)


async def _expire(
    kind: Kind[Stored], project_id: ProjectId, before: int, database: Database
) -> None:
    async def delete_some(connection: AsyncConnection) -> int:
        await take_turns(connection, EXPIRING)
        return await kind.delete_old(connection, project_id, before, DELETED_AT_ONCE)

    deleted = 0
    while some := await database.write(delete_some):
        deleted += some
    if deleted:
        log.info("old answers deleted", kind=kind.name, project=project_id, number=deleted)
