"""Create a run: check what is left to check, keep its rows as they are, queue it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.evals import Eval
from evald.contract.json_types import JsonObject
from evald.contract.run_data_sources import JsonlSource, SampledSource, sampling_params_of
from evald.contract.runs import Run
from evald.contract.validation import json_type
from evald.errors import BadRequest
from evald.ids import new_id
from evald.rules.sample import TOKEN_LIMIT_NAMES
from evald.runs.asked_models import check_served
from evald.runs.given import GivenRun, Rows
from evald.runs.new_rows import rows_of_run
from evald.runs.tools import Dispatch, Tools
from evald.runs.usable_here import check_usable
from evald.store import chunks as chunk_store
from evald.store import evals as eval_store
from evald.store import runs as run_store

NUMBERS: Final[dict[str, tuple[type, ...]]] = {
    "temperature": (int, float),
    "top_p": (int, float),
    "seed": (int,),
    **dict.fromkeys(TOKEN_LIMIT_NAMES, (int,)),
}
"""The sampling params that stand in every output item, where clients rely on a number."""


Also: TypeAlias = Callable[[AsyncConnection, Run], Awaitable[None]]
"""What is saved together with a new run; when it fails there is no run either."""


@dataclass(frozen=True, slots=True)
class _Checked:
    """A run that can be inserted."""

    of_eval: Eval
    new: run_store.NewRun
    rows: Rows


async def create_run(
    of_eval: Eval, given: GivenRun, tools: Tools, dispatch: Dispatch, also: Also
) -> Run:
    """Queue a run and give it, with all counts at zero.

    Its rows are checked first; those of a large file are read after the answer, and what is wrong with
    them fails the run. Raises BadRequest, or NotFound when the eval was deleted meanwhile; then nothing
    is kept.
    """

    async def still_there(connection: AsyncConnection) -> None:
        await eval_store.keep_eval(connection, of_eval.project_id, of_eval.id)

    checked = await _checked(of_eval, given, tools)
    return await _queued(checked, still_there, tools, dispatch, also)


async def create_with_eval(
    new_eval: Eval, given: GivenRun, tools: Tools, dispatch: Dispatch, also: Also
) -> Run:
    """Keep a new eval and queue its first run: both, or neither. Raises BadRequest."""

    async def insert(connection: AsyncConnection) -> None:
        await eval_store.insert_eval(connection, new_eval)

    checked = await _checked(new_eval, given, tools)
    return await _queued(checked, insert, tools, dispatch, also)


async def _checked(of_eval: Eval, given: GivenRun, tools: Tools) -> _Checked:
    request, source = given.request, given.request.data_source
    model = None if isinstance(source, JsonlSource) else _checked_model(source, tools)
    await check_usable(of_eval, tools)
    rows = await rows_of_run(given, of_eval, tools)
    new = run_store.NewRun(
        id=new_id("evalrun"),
        eval_id=of_eval.id,
        name=request.name if request.name is not None else "Untitled run",
        model=model,
        created_at=int(tools.clock()),
        data_source_text=given.data_source_text,
        plan=given.plan,
        unread_file_id=rows.unread_file_id,
        metadata=request.metadata if request.metadata is not None else {},
        criteria=len(of_eval.testing_criteria),
    )
    return _Checked(of_eval, new, rows)


async def _queued(
    checked: _Checked,
    keep_eval: Callable[[AsyncConnection], Awaitable[None]],
    tools: Tools,
    dispatch: Dispatch,
    also: Also,
) -> Run:
    of_eval, new = checked.of_eval, checked.new

    async def insert(connection: AsyncConnection) -> Run:
        await keep_eval(connection)
        await _insert(connection, new, checked.rows)
        await dispatch.queue(connection, new.id)
        inserted = await run_store.get_run_without_rows(
            connection, of_eval.project_id, of_eval.id, new.id
        )
        # Not read back: it can be many megabytes.
        run = replace(inserted, data_source_text=new.data_source_text)
        await also(connection, run)
        return run

    run = await tools.database.write(insert)
    dispatch.wake(run.id)
    return run


async def _insert(connection: AsyncConnection, new: run_store.NewRun, rows: Rows) -> None:
    await run_store.insert_run(connection, new)
    for chunk in rows.chunks:
        await chunk_store.insert_chunk(connection, new.id, chunk)
    if rows.row_count is not None:
        await run_store.set_row_count(connection, new.id, rows.row_count)


def _checked_model(source: SampledSource, tools: Tools) -> str | None:
    """Give the model to sample, or None when the rows are graded with the samples they bring."""
    _check_sampling_params(sampling_params_of(source) or {})
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
    if source.model is not None:
        check_served(source.model, "data_source.model", tools)
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
