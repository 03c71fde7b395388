"""The rows of a new run: checked against its eval, and kept as they are now."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from evald.contract.data_source_configs import item_schema_of
from evald.contract.json_types import JsonObject
from evald.contract.run_data_sources import (
    CompletionsSource,
    FileId,
    JsonlSource,
    StoredCompletionsSource,
)
from evald.data_sources.rows import inline_chunks
from evald.data_sources.stored_completions import completion_filter, stored_chunks
from evald.errors import BadRequest, NotFound
from evald.rules.rows import BadRow, RowCheck
from evald.runs.prepare import chunks_of_file
from evald.runs.tools import Tools
from evald.store import files as file_store
from evald.store.chunks import PackedChunk

READ_AT_ONCE: Final = 4 * 1024 * 1024
"""Bytes of a file up to which its rows are checked before the request is answered."""


@dataclass(frozen=True)
class NewRows:
    """The rows of a new run: cut into chunks, or still in a file that is read later."""

    chunks: Sequence[PackedChunk]
    row_count: int | None
    unread_file_id: str | None = None


async def rows_of_run(
    data_source: JsonlSource | CompletionsSource, config: JsonObject, tools: Tools
) -> NewRows:
    """Give the rows that a data source means. `config` is the data source config of the eval.

    Raises BadRequest when there are none, or one does not fit the eval.
    """
    source, check = data_source.source, RowCheck(item_schema_of(config))
    try:
        if isinstance(source, FileId):
            return await _rows_of_file(source.id, check, tools)
        if isinstance(source, StoredCompletionsSource):
            is_sampled = isinstance(data_source, CompletionsSource) and bool(data_source.model)
            return await _stored_rows(source, config, check, tools, with_samples=not is_sampled)
        chunks, row_count = await asyncio.to_thread(inline_chunks, source.content, check)
    except BadRow as error:
        raise BadRequest(str(error), param="data_source.source", code="invalid_row") from None
    if row_count == 0:
        raise _empty("The data source has no rows.")
    return NewRows(chunks, row_count)


async def _rows_of_file(file_id: str, check: RowCheck, tools: Tools) -> NewRows:
    now = tools.clock()
    try:
        file = await tools.database.read(
            lambda connection: file_store.get_file(connection, file_id, now)
        )
    except NotFound as error:
        raise BadRequest(
            error.message, param="data_source.source.id", code="file_not_found"
        ) from None
    if file.bytes > READ_AT_ONCE:
        return NewRows([], None, unread_file_id=file_id)
    chunks: list[PackedChunk] = []
    row_count = 0
    async for cut, rows_read in chunks_of_file(file_id, file.bytes, check, tools.database):
        chunks += cut
        row_count = rows_read
    if row_count == 0:
        raise _empty("The data source has no rows.")
    return NewRows(chunks, row_count)


async def _stored_rows(
    source: StoredCompletionsSource,
    config: JsonObject,
    check: RowCheck,
    tools: Tools,
    *,
    with_samples: bool,
) -> NewRows:
    wanted = completion_filter(source, config)
    chunks, row_count = await stored_chunks(
        wanted, source.limit, check, tools.database, with_samples=with_samples
    )
    if row_count == 0:
        raise _empty(
            "No stored chat completion fits the data source"
            + (" and the metadata of its eval." if config.get("metadata") else ".")
        )
    return NewRows(chunks, row_count)


def _empty(message: str) -> BadRequest:
    return BadRequest(message, param="data_source.source", code="empty_data_source")
