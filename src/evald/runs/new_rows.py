"""The rows of a new run that its request names: read from files and stored completions, and checked."""

import asyncio
from typing import Final

from evald.contract.data_source_configs import item_schema_of
from evald.contract.evals import Eval
from evald.contract.run_data_sources import (
    CompletionsSource,
    FileId,
    StoredCompletionsSource,
)
from evald.data_sources.stored_completions import completion_filter, stored_chunks
from evald.errors import BadRequest, NotFound
from evald.rules.rows import BadRow, BadSchema, RowCheck
from evald.runs.given import GivenRun, Rows, at_least_one, unusable_schema
from evald.runs.prepare import chunks_of_file
from evald.runs.tools import Tools
from evald.store import files as file_store
from evald.store.chunks import PackedChunk

READ_AT_ONCE: Final = 4 * 1024 * 1024
"""Bytes of a file up to which its rows are checked before the request is answered."""


async def rows_of_run(given: GivenRun, of_eval: Eval, tools: Tools) -> Rows:
    """Give the rows that a request brings, or names among what the project of its eval has.

    Raises BadRequest when there are none, or one does not fit the eval.
    """
    source = given.rows
    try:
        match source:
            case Rows():
                return source
            case FileId():
                return await _rows_of_file(source.id, of_eval, tools)
        data_source = given.request.data_source
        is_sampled = isinstance(data_source, CompletionsSource) and bool(data_source.model)
        return await _stored_rows(source, of_eval, tools, with_samples=not is_sampled)
    except BadRow as error:
        raise BadRequest(str(error), param="data_source.source", code="invalid_row") from None
    except BadSchema as error:
        raise unusable_schema(error) from None


async def _rows_of_file(file_id: str, of_eval: Eval, tools: Tools) -> Rows:
    now = tools.clock()
    try:
        file = await tools.database.read(
            lambda connection: file_store.get_file(connection, of_eval.project_id, file_id, now)
        )
    except NotFound as error:
        raise BadRequest(
            error.message, param="data_source.source.id", code="file_not_found"
        ) from None
    if file.bytes > READ_AT_ONCE:
        return Rows([], None, unread_file_id=file_id)
    check = await asyncio.to_thread(RowCheck, item_schema_of(of_eval.data_source_config))
    chunks: list[PackedChunk] = []
    row_count = 0
    async for cut, rows_read in chunks_of_file(file_id, file.bytes, check, tools.database):
        chunks += cut
        row_count = rows_read
    return Rows(chunks, at_least_one(row_count))


async def _stored_rows(
    source: StoredCompletionsSource, of_eval: Eval, tools: Tools, *, with_samples: bool
) -> Rows:
    config = of_eval.data_source_config
    wanted = completion_filter(source, config, of_eval.project_id)
    check = await asyncio.to_thread(RowCheck, item_schema_of(config))
    chunks, row_count = await stored_chunks(
        wanted, source.limit, check, tools.database, with_samples=with_samples
    )
    if row_count == 0:
        raise BadRequest(
            "No stored chat completion fits the data source"
            + (" and the metadata of its eval." if config.get("metadata") else "."),
            param="data_source.source",
            code="empty_data_source",
        )
    return Rows(chunks, row_count)
