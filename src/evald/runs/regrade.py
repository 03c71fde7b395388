"""Regrade a run: a new one over the samples that it has, by other criteria, its model not asked."""

import asyncio
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.data_source_configs import item_schema_of
from evald.contract.evals import Eval
from evald.contract.json_types import JsonObject
from evald.contract.metadata import MAX_NAME_LENGTH
from evald.contract.run_data_sources import without_rows
from evald.contract.runs import Regraded, Run
from evald.errors import BadRequest
from evald.ids import new_id
from evald.rules import json_text
from evald.rules.rows import BadSchema, RowCheck
from evald.rules.status import is_final
from evald.runs.create import Also
from evald.runs.given import unusable_schema
from evald.runs.tools import Dispatch, Tools
from evald.runs.usable_here import check_usable
from evald.store import evals as eval_store
from evald.store import output_items as item_store
from evald.store import runs as run_store

DATA_SOURCE: Final[JsonObject] = {
    "type": "jsonl",
    "source": {"type": "file_content", "content": []},
}
"""What such a run shows: rows that bring their samples. They are read after its request is answered."""
AGAIN: Final = " (regraded)"


@dataclass(frozen=True, slots=True)
class Regrade:
    """Whose samples are graded, and by which criteria."""

    source: Run
    of_eval: Eval
    """The eval that has the criteria, in the project of the source."""
    is_new: bool
    """Whether that eval is made with the run."""
    name: str | None
    metadata: dict[str, str] | None


def named_again(name: str) -> str:
    """Give the name of what is made to grade something again."""
    return f"{name.removesuffix(AGAIN)[: MAX_NAME_LENGTH - len(AGAIN)]}{AGAIN}"


async def regrade_run(asked: Regrade, tools: Tools, dispatch: Dispatch, also: Also) -> Run:
    """Queue a run over the samples of another one, and give it; they are read behind the answer.

    Rows without an output item are not among them. Raises BadRequest, and NotFound when the eval was
    deleted meanwhile; then nothing is kept.
    """
    source, of_eval = asked.source, asked.of_eval
    if not is_final(source.status):
        raise BadRequest(
            f"This run is {source.status}. Regrade it when it has ended, or cancel it first.",
            param="run_id",
            code="run_not_ended",
        )
    await check_usable(of_eval, tools)
    try:
        await asyncio.to_thread(RowCheck, item_schema_of(of_eval.data_source_config))
    except BadSchema as error:
        raise unusable_schema(error) from None
    new = _new_run(asked, int(tools.clock()))

    async def insert(connection: AsyncConnection) -> Run:
        if asked.is_new:
            await eval_store.insert_eval(connection, of_eval)
        else:
            await eval_store.keep_eval(connection, of_eval.project_id, of_eval.id)
        regraded = await _as_it_is(connection, source)
        await run_store.insert_run(connection, replace(new, regrade_of=regraded))
        await dispatch.queue(connection, new.id)
        run = await run_store.get_run(connection, of_eval.project_id, of_eval.id, new.id)
        await also(connection, run)
        return run

    run = await tools.database.write(insert)
    dispatch.wake(run.id)
    return run


def _new_run(asked: Regrade, now: int) -> run_store.NewRun:
    source, of_eval = asked.source, asked.of_eval
    return run_store.NewRun(
        id=new_id("evalrun"),
        eval_id=of_eval.id,
        name=asked.name if asked.name is not None else named_again(source.name),
        model=source.model,
        created_at=now,
        data_source_text=json_text.dump(DATA_SOURCE),
        plan=without_rows(DATA_SOURCE),
        unread_file_id=None,
        metadata=asked.metadata if asked.metadata is not None else {},
        criteria=len(of_eval.testing_criteria),
    )


async def _as_it_is(connection: AsyncConnection, source: Run) -> Regraded:
    snapshot = await item_store.snapshot_of(connection, source.id, None)
    items = await item_store.count_items(connection, source.id)
    if items == 0:
        raise BadRequest(
            "This run has no output items, so there is nothing to grade.",
            param="run_id",
            code="empty_data_source",
        )
    return Regraded(source.eval_id, source.id, items, snapshot.last, bool(source.model))
