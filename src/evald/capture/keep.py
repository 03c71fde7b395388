"""Keep completions in the store: one transaction for all that wait while another one is written."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.clock import Clock
from evald.contract.json_types import JsonObject
from evald.contract.projects import ProjectId
from evald.contract.stored_completions import StoredCompletion
from evald.ids import new_completion_id
from evald.rules.json_text import BadJson
from evald.rules.stored_completion import Origin, stored_completion, with_id
from evald.store import stored_completions as completion_store
from evald.store.database import Database, uninterrupted

log = structlog.get_logger()


@dataclass(frozen=True)
class ToKeep:
    """What is known of a completion before its answer comes."""

    project_id: ProjectId
    request: JsonObject
    metadata: dict[str, str]
    request_id: str


@dataclass(frozen=True)
class _Waiting:
    project_id: ProjectId
    completion: StoredCompletion
    saved: asyncio.Future[None]


class Keeper:
    """Saves completions. A completion that waits is saved with all others that wait by then."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Save into this database; answers without a time get that of the clock."""
        self._database = database
        self._clock = clock
        self._waiting: list[_Waiting] = []
        self._one_at_a_time = asyncio.Lock()

    async def keep(self, asked: ToKeep, answer: JsonObject) -> None:
        """Return when a completion is saved.

        One that cannot be saved is logged and no error: its answer is paid for and belongs to the
        client. A cancel waits until the save has ended.
        """
        origin = Origin(asked.metadata, asked.request_id, int(self._clock()), new_completion_id())
        try:
            new = stored_completion(asked.request, answer, origin)
            await uninterrupted(self._saved(asked.project_id, new))
        except (SQLAlchemyError, BadJson) as error:
            log.error("completion not stored", request_id=asked.request_id, error=str(error))

    async def _saved(self, project_id: ProjectId, new: StoredCompletion) -> None:
        mine = _Waiting(project_id, new, asyncio.get_running_loop().create_future())
        self._waiting.append(mine)
        async with self._one_at_a_time:
            if not mine.saved.done():  # else the one before took it along
                await self._save_all()
        mine.saved.result()

    async def _save_all(self) -> None:
        batch, self._waiting = self._waiting, []
        try:
            await self._database.write(lambda connection: _insert_all(connection, batch))
        except SQLAlchemyError as error:
            for each in batch:
                each.saved.set_exception(error)
        else:
            for each in batch:
                each.saved.set_result(None)


async def _insert_all(connection: AsyncConnection, batch: Sequence[_Waiting]) -> None:
    for project_id in sorted({each.project_id for each in batch}):
        new = [each.completion for each in batch if each.project_id == project_id]
        await _insert(connection, project_id, new)


async def _insert(
    connection: AsyncConnection, project_id: ProjectId, batch: Sequence[StoredCompletion]
) -> None:
    """Add completions; one whose id is taken gets another: some endpoints count their answers."""
    ids = [each.id for each in batch]
    taken = await completion_store.known_ids(connection, project_id, ids)
    new = []
    for each in batch:
        new.append(with_id(each, new_completion_id()) if each.id in taken else each)
        taken.add(each.id)
    await completion_store.insert_completions(connection, project_id, new)
