"""Rows made of stored chat completions, as they are at this moment."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.projects import ProjectId
from evald.contract.run_data_sources import StoredCompletionsSource
from evald.contract.stored_completions import CompletionFilter
from evald.data_sources.rows import ChunkCutter
from evald.errors import BadRequest
from evald.rules import json_text
from evald.rules.rows import RowCheck
from evald.store import stored_completions as completion_store
from evald.store.chunks import ROWS_A_CHUNK, PackedChunk
from evald.store.database import Database
from evald.store.stored_completions import Logged, Place

MOST_ROWS: Final = 100_000
"""Completions of one run; they are read before its request is answered."""


def completion_filter(
    source: StoredCompletionsSource, config: JsonObject, project_id: ProjectId
) -> CompletionFilter:
    """Give the completions that both the run and its eval mean (contract section 5.4)."""
    of_eval = config.get("metadata") if config.get("type") in ("logs", "stored_completions") else {}
    pairs = {**source.metadata}.items() if source.metadata else ()
    narrowing = of_eval.items() if isinstance(of_eval, dict) else ()
    return CompletionFilter(
        project_id,
        pairs=frozenset(pairs) | {(key, _as_kept(value)) for key, value in narrowing},
        model=source.model,
        created_after=source.created_after,
        created_before=source.created_before,
    )


def _as_kept(value: JsonValue) -> str:
    """An eval may name any value; those that are kept are texts."""
    return value if isinstance(value, str) else json_text.dump(value)


async def stored_chunks(
    wanted: CompletionFilter,
    limit: int | None,
    check: RowCheck,
    database: Database,
    *,
    with_samples: bool,
) -> tuple[list[PackedChunk], int]:
    """Give the chunks of the completions that fit, the oldest first, and the number of their rows.

    Of more than `limit` the newest are taken. With samples the rows bring what was answered.
    Raises BadRow, and BadRequest when they are more than MOST_ROWS.
    """
    if wanted.is_impossible:
        return [], 0
    cutter = ChunkCutter(check)

    def cut(completions: Sequence[Logged]) -> list[PackedChunk]:
        return cutter.take(_rows(completions, with_samples=with_samples))

    async def read(connection: AsyncConnection) -> list[PackedChunk]:
        # All in one transaction: what comes or goes meanwhile changes nothing.
        first, after = await _first(connection, wanted, limit), None
        chunks: list[PackedChunk] = []
        while completions := await completion_store.next_completions(
            connection, wanted, ROWS_A_CHUNK, first=first, after=after
        ):
            chunks += await asyncio.to_thread(cut, completions)
            after = completions[-1].place
        return chunks

    chunks = await database.read(read)
    return chunks + cutter.rest(), cutter.row_count


async def _first(
    connection: AsyncConnection, wanted: CompletionFilter, limit: int | None
) -> Place | None:
    """Give the oldest completion that is taken, or None for all of them."""
    if limit is not None and limit <= MOST_ROWS:
        return await completion_store.place_of_newest(connection, wanted, limit)
    if await completion_store.place_of_newest(connection, wanted, MOST_ROWS + 1) is not None:
        raise BadRequest(
            f"More than {MOST_ROWS:,} stored chat completions fit. Give a limit, or narrow them by "
            "metadata, model, created_after or created_before.",
            param="data_source.source",
            code="too_many_rows",
        )
    return None


def _rows(completions: Sequence[Logged], *, with_samples: bool) -> Iterable[tuple[str, JsonValue]]:
    for each in completions:
        completion = orjson.loads(each.body)
        item: JsonObject = {
            "input": orjson.loads(each.messages),
            "metadata": completion.get("metadata"),
            "completion_id": each.id,
        }
        row: JsonObject = {"item": item}
        if with_samples:
            row["sample"] = completion
        yield f"stored completion {each.id}", row
