"""Take in chat completions that were logged elsewhere: JSON lines, read and saved as they arrive."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import orjson
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.projects import ProjectId
from evald.contract.stored_completions import SearchableMetadata, StoredCompletion
from evald.contract.validation import json_type
from evald.data_sources.rows import LONGEST_LINE
from evald.rules import json_text
from evald.rules.stored_completion import Origin, stored_completion, with_id
from evald.store import stored_completions as completion_store
from evald.store.database import Database

SAVED_AT_ONCE: Final = 256
BYTES_AT_ONCE: Final = 8 * 1024 * 1024
"""A batch is saved at whichever of the two comes first."""
ERRORS_SHOWN: Final = 100
_METADATA: TypeAdapter[dict[str, str]] = TypeAdapter(SearchableMetadata)


class BadLog(ValueError):
    """A line is no logged completion. The message says why."""


@dataclass(frozen=True, slots=True)
class LineError:
    """What is wrong with a line; its completion is left out."""

    line: int
    """Its number, from 1."""
    message: str


@dataclass(frozen=True, slots=True)
class LoggedCompletion:
    """A completion that was read from a line."""

    completion: StoredCompletion
    spare_id: str
    """Made of the line itself: the same line has the same one in every import."""


Read: TypeAlias = LoggedCompletion | LineError


@dataclass
class Outcome:
    """What became of the lines so far."""

    imported: int = 0
    existing: int = 0
    """Completions that were there already."""
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
    """Save the completions of JSON lines in a project, and say what became of each line.

    A wrong line is left out and the others are saved, so it can be mended and sent again with them:
    what is there already stays as it is. `metadata` is added to that of every line.
    """
    reader, outcome = _LogReader(metadata, now), Outcome()
    batch: list[LoggedCompletion] = []
    async for part in parts:
        batch += _good(await asyncio.to_thread(reader.feed, part), outcome)
        size = sum(len(each.completion.body) for each in batch)
        if len(batch) >= SAVED_AT_ONCE or size >= BYTES_AT_ONCE:
            await _save(batch, project_id, outcome, database)
            batch = []
    batch += _good(await asyncio.to_thread(reader.end), outcome)
    await _save(batch, project_id, outcome, database)
    return outcome


def _good(found: Sequence[Read], outcome: Outcome) -> list[LoggedCompletion]:
    for each in found:
        if isinstance(each, LineError):
            outcome.failed_on(each)
    return [each for each in found if isinstance(each, LoggedCompletion)]


async def _save(
    batch: Sequence[LoggedCompletion], project_id: ProjectId, outcome: Outcome, database: Database
) -> None:
    async def save(connection: AsyncConnection) -> int:
        return await _insert(connection, project_id, batch)

    imported = await database.write(save) if batch else 0
    outcome.imported += imported
    outcome.existing += len(batch) - imported


async def _insert(
    connection: AsyncConnection, project_id: ProjectId, batch: Sequence[LoggedCompletion]
) -> int:
    """Add those that are not there yet, and give their number."""
    ids = [name for each in batch for name in (each.completion.id, each.spare_id)]
    known = await completion_store.known_bodies(connection, project_id, ids)
    fresh = []
    for each in batch:
        new = each.completion
        if new.id in known and not _is_same(known[new.id], new.body):
            new = with_id(new, each.spare_id)  # some endpoints count their answers
        if new.id not in known:
            known[new.id] = new.body
            fresh.append(new)
    await completion_store.insert_completions(connection, project_id, fresh)
    return len(fresh)


def _is_same(known: str, new: str) -> bool:
    one, other = orjson.loads(known), orjson.loads(new)
    return all(one[key] == other[key] for key in ("created", "choices"))


class _LogReader:
    """Cuts bytes into lines and reads each. Blank lines are passed over, but counted."""

    def __init__(self, metadata: dict[str, str], now: int) -> None:
        self._metadata = metadata
        self._now = now
        self._pieces: list[bytes] = []
        self._size = 0
        self._line = 0

    def feed(self, part: bytes) -> list[Read]:
        """Give what the lines hold that are complete now."""
        first, *others = part.split(b"\n")
        self._add(first)
        found = []
        for piece in others:
            found += self.end()
            self._add(piece)
        return found

    def end(self) -> list[Read]:
        """Give what the line holds that has come so far."""
        line, size = b"".join(self._pieces), self._size
        self._pieces, self._size = [], 0
        self._line += 1
        if size > LONGEST_LINE:
            return [LineError(self._line, f"it is longer than {LONGEST_LINE // 2**20} MB")]
        line = line.removeprefix(b"\xef\xbb\xbf").strip()
        return [self._read(line)] if line else []

    def _add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > LONGEST_LINE:
            self._pieces.clear()
        elif piece:
            self._pieces.append(piece)

    def _read(self, line: bytes) -> Read:
        try:
            return logged_completion(line, self._metadata, self._now)
        except json_text.BadJson as error:
            return LineError(self._line, f"it is not valid JSON: {error}")
        except BadLog as error:
            return LineError(self._line, str(error))


def logged_completion(line: bytes, metadata: dict[str, str], now: int) -> LoggedCompletion:
    """Give the completion of a line: a request with its response, or a stored completion.

    Raises BadJson, or BadLog when the line is something else.
    """
    value = json_text.parse(line)
    if not isinstance(value, dict):
        raise BadLog(f"it must be an object, not {json_type(value)}")
    request, answer = _parts(value)
    spare_id = f"chatcmpl-{hashlib.sha256(line).hexdigest()[:32]}"
    own = value.get("metadata") or request.get("metadata") or answer.get("metadata")
    request_id = answer.get("request_id")
    origin = Origin(
        metadata=_checked_metadata(own, metadata),
        request_id=request_id if isinstance(request_id, str) else None,
        now=now,
        spare_id=spare_id,
    )
    return LoggedCompletion(stored_completion(request, answer, origin), spare_id)


def _parts(value: JsonObject) -> tuple[JsonObject, JsonObject]:
    match value:
        case {"request": dict(request), "response": dict(response)}:
            if not isinstance(request.get("messages"), list):
                raise BadLog("request.messages must be an array")
            where = "response."
        case {"choices": _}:
            messages = value.get("messages", value.get("input"))
            own = ("messages", "input")
            request = {"messages": messages if isinstance(messages, list) else []}
            response = {key: part for key, part in value.items() if key not in own}
            where = ""
        case _:
            raise BadLog(
                "it has neither 'request' and 'response' nor the 'choices' of a completion"
            )
    match response.get("choices"):
        case [{"message": dict()}, *_]:
            return request, response
    raise BadLog(f"{where}choices[0].message must be an object")


def _checked_metadata(own: JsonValue, added: dict[str, str]) -> dict[str, str]:
    if not isinstance(own, dict | None):
        raise BadLog(f"metadata must be an object, not {json_type(own)}")
    try:
        return _METADATA.validate_python({**(own or {}), **added}, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = ".".join(str(step) for step in ("metadata", *first["loc"]))
        raise BadLog(f"{path}: {first['msg'].removeprefix('Value error, ')}") from None
