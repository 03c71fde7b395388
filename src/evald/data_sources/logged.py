"""Rows made of what is stored of the traffic with models, as it is at this moment."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.json_types import JsonObject, JsonValue
from evald.data_sources.rows import ChunkCutter
from evald.errors import BadRequest
from evald.rules import json_text
from evald.rules.rows import RowCheck
from evald.store.chunks import ROWS_A_CHUNK, PackedChunk
from evald.store.database import Database
from evald.store.stored_completions import Place

MOST_ROWS: Final = 100_000
"""Logged answers of one run; they are read before its request is answered."""


class Logged(Protocol):
    """A stored answer, which stands at a place among all of its kind."""

    @property
    def place(self) -> Place:
        """Its time and its number."""
        ...


Answer = TypeVar("Answer", bound=Logged)


@dataclass(frozen=True)
class Logs(Generic[Answer]):
    """The stored answers that a run means, and how each becomes a row."""

    name: str
    """What they are, in the plural."""
    filters: str
    """What narrows them, in words."""
    newest: Callable[[AsyncConnection, int], Awaitable[Place | None]]
    """Gives the place of the n-th newest, or None if they are fewer."""
    following: Callable[
        [AsyncConnection, int, Place | None, Place | None], Awaitable[Sequence[Answer]]
    ]
    """Gives so many, the oldest first: from a place on, or behind a place."""
    row: Callable[[Answer], tuple[str, JsonValue]]
    """Gives the row of one, with the words that say where it comes from."""


async def logged_chunks(
    logs: Logs[Answer], limit: int | None, check: RowCheck, database: Database
) -> tuple[list[PackedChunk], int]:
    """Give the chunks of the answers, the oldest first, and the number of their rows.

    Of more than `limit` the newest are taken.
    Raises BadRow, and BadRequest when they are more than MOST_ROWS.
    """
    cutter = ChunkCutter(check)

    def cut(answers: Sequence[Answer]) -> list[PackedChunk]:
        return cutter.take(logs.row(each) for each in answers)

    async def read(connection: AsyncConnection) -> list[PackedChunk]:
        # All in one transaction: what comes or goes meanwhile changes nothing.
        first, after = await _first(connection, logs, limit), None
        chunks: list[PackedChunk] = []
        while answers := await logs.following(connection, ROWS_A_CHUNK, first, after):
            chunks += await asyncio.to_thread(cut, answers)
            after = answers[-1].place
        return chunks

    chunks = await database.read(read)
    return chunks + cutter.rest(), cutter.row_count


async def _first(
    connection: AsyncConnection, logs: Logs[Answer], limit: int | None
) -> Place | None:
    """Give the oldest answer that is taken, or None for all of them."""
    if limit is not None and limit <= MOST_ROWS:
        return await logs.newest(connection, limit)
    if await logs.newest(connection, MOST_ROWS + 1) is not None:
        raise BadRequest(
            f"More than {MOST_ROWS:,} {logs.name} fit. Give a limit, or narrow them by "
            f"{logs.filters}.",
            param="data_source.source",
            code="too_many_rows",
        )
    return None


def pairs_meant(metadata: dict[str, str] | None, config: JsonObject) -> frozenset[tuple[str, str]]:
    """Give the pairs of metadata that a run and its eval ask for, both (contract section 5.4)."""
    of_eval = config.get("metadata") if config.get("type") in ("logs", "stored_completions") else {}
    narrowing = of_eval.items() if isinstance(of_eval, dict) else ()
    return frozenset((metadata or {}).items()) | {
        (key, _as_kept(value)) for key, value in narrowing
    }


def _as_kept(value: JsonValue) -> str:
    """An eval may name any value; those that are kept are texts."""
    return value if isinstance(value, str) else json_text.dump(value)
