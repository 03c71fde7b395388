"""Take in answers that were logged elsewhere: JSON lines, read and saved as they arrive."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.capture.kinds import COMPLETIONS, RESPONSES, Kind, Stored
from evald.capture.log_lines import LineError, Logged, LoggedAnswer, LogReader, Read
from evald.contract.json_types import JsonObject
from evald.contract.projects import ProjectId
from evald.store.database import Database

SAVED_AT_ONCE: Final = 256
BYTES_AT_ONCE: Final = 8 * 1024 * 1024
"""A batch is saved at whichever of the two comes first."""
ERRORS_SHOWN: Final = 100


@dataclass
class Outcome:
    """What became of the lines so far."""

    imported: int = 0
    existing: int = 0
    """Answers that were there already."""
    failed: int = 0
    errors: list[LineError] = field(default_factory=list)
    """The first ERRORS_SHOWN of those that failed."""

    @property
    def lines(self) -> int:
        """How many lines held anything."""
        return self.imported + self.existing + self.failed

    def failed_on(self, error: LineError) -> None:
        """Count a line that is left out."""
        self.failed += 1
        if len(self.errors) < ERRORS_SHOWN:
            self.errors.append(error)

    def as_json(self) -> JsonObject:
        """Give the wire form."""
        return {
            "object": "chat.completion.import",
            "imported": self.imported,
            "existing": self.existing,
            "failed": self.failed,
            "errors": [{"line": each.line, "message": each.message} for each in self.errors],
        }


async def import_logs(
    parts: AsyncIterator[bytes],
    project_id: ProjectId,
    metadata: dict[str, str],
    now: int,
    database: Database,
) -> Outcome:
    """Save the completions and responses of JSON lines in a project, and say what became of each.

    A wrong line is left out and the others are saved, so it can be mended and sent again with them:
    what is there already stays as it is. `metadata` is added to that of every line.
    """
    reader, outcome = LogReader(metadata, now), Outcome()
    batch: list[Logged] = []
    async for part in parts:
        batch += _good(await asyncio.to_thread(reader.feed, part), outcome)
        size = sum(len(each.answer.body) for each in batch)
        if len(batch) >= SAVED_AT_ONCE or size >= BYTES_AT_ONCE:
            await _save(batch, project_id, outcome, database)
            batch = []
    batch += _good(await asyncio.to_thread(reader.end), outcome)
    await _save(batch, project_id, outcome, database)
    return outcome


def _good(found: Sequence[Read], outcome: Outcome) -> list[Logged]:
    for each in found:
        if isinstance(each, LineError):
            outcome.failed_on(each)
    return [each for each in found if not isinstance(each, LineError)]


async def _save(
    batch: Sequence[Logged], project_id: ProjectId, outcome: Outcome, database: Database
) -> None:
    async def save(connection: AsyncConnection) -> int:
        completions, responses = _of_kind(COMPLETIONS, batch), _of_kind(RESPONSES, batch)
        imported = await _insert(connection, project_id, COMPLETIONS, completions)
        return imported + await _insert(connection, project_id, RESPONSES, responses)

    imported = await database.insert(save) if batch else 0
    outcome.imported += imported
    outcome.existing += len(batch) - imported


def _of_kind(kind: Kind[Stored], batch: Sequence[Logged]) -> list[LoggedAnswer[Stored]]:
    return [each for each in batch if each.kind is kind]  # type: ignore[misc]


async def _insert(
    connection: AsyncConnection,
    project_id: ProjectId,
    kind: Kind[Stored],
    batch: Sequence[LoggedAnswer[Stored]],
) -> int:
    """Add those that are not there yet, and give their number."""
    ids = [name for each in batch for name in (each.answer.id, each.spare_id)]
    known = await kind.known_bodies(connection, project_id, ids) if ids else {}
    fresh = []
    for each in batch:
        new = each.answer
        if new.id in known and not _is_same(known[new.id], new.body, kind.said):
            new = kind.with_id(new, each.spare_id)  # some endpoints count their answers
        if new.id not in known:
            known[new.id] = new.body
            fresh.append(new)
    await kind.insert(connection, project_id, fresh)
    return len(fresh)


def _is_same(known: str, new: str, said: Sequence[str]) -> bool:
    one, other = orjson.loads(known), orjson.loads(new)
    return all(one[key] == other[key] for key in said)
