"""Create a run: check what can be checked now, keep its rows as they are, queue it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.data_source_configs import item_schema_of
from evald.contract.evals import Eval
from evald.contract.json_types import JsonObject
from evald.contract.run_data_sources import (
    CompletionsSource,
    FileId,
    kept_data_source,
    without_rows,
)
from evald.contract.runs import CreateRun, Run
from evald.contract.validation import json_type
from evald.data_sources.rows import inline_chunks
from evald.errors import BadRequest, NotFound
from evald.ids import new_id
from evald.rules import json_text
from evald.rules.rows import BadRow, RowCheck
from evald.rules.sample import TOKEN_LIMIT_NAMES
from evald.runs.prepare import chunks_of_file
from evald.runs.tools import Dispatch, Tools
from evald.store import chunks as chunk_store
from evald.store import evals as eval_store
from evald.store import files as file_store
from evald.store import runs as run_store
from evald.store.chunks import PackedChunk

READ_AT_ONCE: Final = 4 * 1024 * 1024
"""Bytes of a file up to which its rows are checked before the request is answered."""

NUMBERS: Final[dict[str, tuple[type, ...]]] = {
    "temperature": (int, float),
    "top_p": (int, float),
    "seed": (int,),
    **dict.fromkeys(TOKEN_LIMIT_NAMES, (int,)),
}
"""The sampling params that stand in every output item, where clients rely on a number."""


@dataclass(frozen=True)
class _Rows:
    """The rows of a new run: cut into chunks, or still in a file that is read later."""

    chunks: list[PackedChunk]
    row_count: int | None
    unread_file_id: str | None = None


Also: TypeAlias = Callable[[AsyncConnection, Run], Awaitable[None]]
"""What is saved together with a new run; when it fails there is no run either."""


async def create_run(
    of_eval: Eval, request: CreateRun, tools: Tools, dispatch: Dispatch, also: Also
) -> Run:
    """Queue a run and give it, with all counts at zero.

    Rows that came with the request or in a file of up to READ_AT_ONCE bytes are checked first; those
    of a larger file are read after the answer, and what is wrong with them fails the run.
    Raises BadRequest, or NotFound when the eval was deleted meanwhile; then nothing is kept.
    """
    source = request.data_source
    model = _checked_model(source, tools) if isinstance(source, CompletionsSource) else None
    check = RowCheck(item_schema_of(of_eval.data_source_config))
    rows = await _rows(request, check, tools)
    kept = kept_data_source(source)
    new = run_store.NewRun(
        id=new_id("evalrun"),
        eval_id=of_eval.id,
        name=request.name if request.name is not None else "Untitled run",
        model=model,
        created_at=int(tools.clock()),
        data_source_text=json_text.dump(kept),
        plan=without_rows(kept),
        unread_file_id=rows.unread_file_id,
        metadata=request.metadata if request.metadata is not None else {},
        criteria=len(of_eval.testing_criteria),
    )

    async def insert(connection: AsyncConnection) -> Run:
        run = await _insert(connection, new, rows)
        await also(connection, run)
        return run

    run = await tools.database.write(insert)
    dispatch.wake(run.id)
    return run


async def _insert(connection: AsyncConnection, new: run_store.NewRun, rows: _Rows) -> Run:
    await eval_store.get_eval(connection, new.eval_id)  # it may be deleted by now: NotFound
    await run_store.insert_run(connection, new)
    for chunk in rows.chunks:
        await chunk_store.insert_chunk(connection, new.id, chunk)
    if rows.row_count is not None:
        await run_store.set_row_count(connection, new.id, rows.row_count)
    return await run_store.get_run(connection, new.eval_id, new.id)


def _checked_model(source: CompletionsSource, tools: Tools) -> str | None:
    """Give the model to sample, or None when the rows are graded with the samples they bring."""
    _check_sampling_params(source.sampling_params or {})
    if source.model is None and source.input_messages is None:
        return None
    for name in ("model", "input_messages"):
        if getattr(source, name) is None:
            raise BadRequest(
                f"Missing required parameter: 'data_source.{name}'. To sample, a run needs both a "
                "model and input_messages.",
                param=f"data_source.{name}",
                code="missing_required_parameter",
            )
    if source.model is not None and not tools.sampler.serves(source.model):
        raise BadRequest(
            f"No provider of this server serves the model '{source.model}'. "
            "GET /v1/models lists those that are served.",
            param="data_source.model",
            code="model_not_found",
        )
    return source.model


def _check_sampling_params(params: JsonObject) -> None:
    """Check the numbers that an output item shows; everything else is for the model's endpoint."""
    for name, kinds in NUMBERS.items():
        value = params.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, kinds)):
            param = f"data_source.sampling_params.{name}"
            expected = "a number" if float in kinds else "an integer"
            raise BadRequest(
                f"Invalid type for '{param}': expected {expected}, not {json_type(value)}.",
                param=param,
                code="invalid_type",
            )


async def _rows(request: CreateRun, check: RowCheck, tools: Tools) -> _Rows:
    source = request.data_source.source
    try:
        if isinstance(source, FileId):
            return await _rows_of_file(source.id, check, tools)
        chunks, row_count = await asyncio.to_thread(inline_chunks, source.content, check)
    except BadRow as error:
        raise BadRequest(str(error), param="data_source.source", code="invalid_row") from None
    return _Rows(chunks, _at_least_one(row_count))


async def _rows_of_file(file_id: str, check: RowCheck, tools: Tools) -> _Rows:
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
        return _Rows([], None, unread_file_id=file_id)
    chunks: list[PackedChunk] = []
    row_count = 0
    async for cut, rows_read in chunks_of_file(file_id, file.bytes, check, tools.database):
        chunks += cut
        row_count = rows_read
    return _Rows(chunks, _at_least_one(row_count))


def _at_least_one(row_count: int) -> int:
    if row_count == 0:
        raise BadRequest(
            "The data source has no rows.", param="data_source.source", code="empty_data_source"
        )
    return row_count
