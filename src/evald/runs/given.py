"""What a request gives for a new run: read, checked and cut, without anything from outside.

Rows in a request can be many megabytes. To parse, check and write them takes seconds in which nothing
else in the same process is served, whatever the thread, so a large body is read in another process:
bytes go in, and bytes come out.
"""

from dataclasses import dataclass
from typing import Final

from evald.contract.json_types import JsonObject
from evald.contract.run_data_sources import (
    FileContent,
    FileId,
    StoredCompletionsSource,
    kept_data_source,
    without_rows,
)
from evald.contract.runs import CreateRun
from evald.data_sources.rows import inline_chunks
from evald.errors import BadRequest
from evald.rules import json_text
from evald.rules.requests import request_in
from evald.rules.rows import BadRow, BadSchema, RowCheck
from evald.store.chunks import PackedChunk

READ_HERE: Final = 2 * 1024 * 1024
"""Bytes of a body up to which it is read in a thread of this process."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a new run: cut into chunks, or still in a file that is read later."""

    chunks: list[PackedChunk]
    row_count: int | None
    unread_file_id: str | None = None


@dataclass(frozen=True, slots=True)
class GivenRun:
    """A request for a run, whose rows stand beside it."""

    request: CreateRun
    """Its rows are taken out."""
    plan: JsonObject
    """The data source without its rows."""
    data_source_text: str
    rows: Rows | FileId | StoredCompletionsSource
    """The rows, or where they are; `new_rows` reads them there."""


def read_run(text: bytes, item_schema: JsonObject) -> GivenRun:
    """Read the body of a request for a run, and hold its rows against the schema of their items.

    Raises BadRequest.
    """
    request = request_in(text, CreateRun)
    source = request.data_source.source
    rows = _inline(source, item_schema) if isinstance(source, FileContent) else source
    kept = kept_data_source(request.data_source)
    return GivenRun(_emptied(request), without_rows(kept), json_text.dump(kept), rows)


def _inline(source: FileContent, item_schema: JsonObject) -> Rows:
    try:
        chunks, row_count = inline_chunks(source.content, RowCheck(item_schema))
    except BadRow as error:
        raise BadRequest(str(error), param="data_source.source", code="invalid_row") from None
    except BadSchema as error:
        raise unusable_schema(error) from None
    return Rows(chunks, at_least_one(row_count))


UNUSABLE_SCHEMA: Final = "unusable_item_schema"


def unusable_schema(error: BadSchema) -> BadRequest:
    """Give the error of an eval whose schema was taken once, and is refused now."""
    return BadRequest(
        f"The item_schema of this eval {error}. Make the eval anew, with a schema that can be used.",
        param="eval_id",
        code=UNUSABLE_SCHEMA,
    )


def at_least_one(row_count: int) -> int:
    """Give the number of rows. Raises BadRequest when there are none."""
    if row_count == 0:
        raise BadRequest(
            "The data source has no rows.", param="data_source.source", code="empty_data_source"
        )
    return row_count


def _emptied(request: CreateRun) -> CreateRun:
    source = request.data_source.source
    if not isinstance(source, FileContent):
        return request
    emptied = source.model_copy(update={"content": []})
    return request.model_copy(
        update={"data_source": request.data_source.model_copy(update={"source": emptied})}
    )
