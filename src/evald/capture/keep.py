"""Keep answers in the store: one transaction for all that wait while another one is written."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.capture.kinds import Kind, Stored
from evald.clock import Clock
from evald.contract.json_types import JsonObject
from evald.contract.projects import ProjectId
from evald.rules.json_text import BadJson
from evald.rules.stored_completion import Origin
from evald.store.database import Database, uninterrupted

log = structlog.get_logger()


@dataclass(frozen=True)
class ToKeep:
    """What is known of an exchange before its answer comes."""

    project_id: ProjectId
    request: JsonObject
    metadata: dict[str, str]
    request_id: str


@dataclass(frozen=True)
class _Waiting(Generic[Stored]):
    project_id: ProjectId
    answer: Stored
    saved: asyncio.Future[None]


class Keeper(Generic[Stored]):
    """Saves answers of one kind. One that waits is saved with all others that wait by then."""

    def __init__(self, kind: Kind[Stored], database: Database, clock: Clock) -> None:
        """Save into this database; answers without a time get that of the clock."""
        self._kind: Kind[Stored] = kind
        self._database = database
        self._clock = clock
        self._waiting: list[_Waiting[Stored]] = []
        self._one_at_a_time = asyncio.Lock()

    async def keep(self, asked: ToKeep, answer: JsonObject) -> None:
        """Return when an answer is saved.

        One that cannot be saved is logged and no error: it is paid for and belongs to the client. A
        cancel waits until the save has ended.
        """
        origin = Origin(asked.metadata, asked.request_id, int(self._clock()), self._kind.new_id())
        try:
            new = self._kind.put_together(asked.request, answer, origin)
            await uninterrupted(self._saved(asked.project_id, new))
        except (SQLAlchemyError, BadJson) as error:
            log.error(
                "answer not stored",
                kind=self._kind.name,
                request_id=asked.request_id,
                error=str(error),
            )

    async def _saved(self, project_id: ProjectId, new: Stored) -> None:
        mine = _Waiting(project_id, new, asyncio.get_running_loop().create_future())
        self._waiting.append(mine)
        async with self._one_at_a_time:
            if not mine.saved.done():  # else the one before took it along
                await self._save_all()
        mine.saved.result()

    async def _save_all(self) -> None:
        batch, self._waiting = self._waiting, []
        try:
            await self._database.insert(lambda connection: self._insert_all(connection, batch))
        except SQLAlchemyError as error:
            for each in batch:
                each.saved.set_exception(error)
        else:
            for each in batch:
                each.saved.set_result(None)

    async def _insert_all(
        self, connection: AsyncConnection, batch: Sequence[_Waiting[Stored]]
    ) -> None:
        for project_id in sorted({each.project_id for each in batch}):
            new = [each.answer for each in batch if each.project_id == project_id]
            await self._insert(connection, project_id, new)

    async def _insert(
        self, connection: AsyncConnection, project_id: ProjectId, batch: Sequence[Stored]
    ) -> None:
        """Add answers; one whose id is taken gets another: some endpoints count their answers."""
        kind = self._kind
        taken = await kind.known_ids(connection, project_id, [each.id for each in batch])
        new = []
        for each in batch:
            new.append(kind.with_id(each, kind.new_id()) if each.id in taken else each)
            taken.add(each.id)
        await kind.insert(connection, project_id, new)
