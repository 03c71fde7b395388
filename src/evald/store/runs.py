"""The statements on runs: their rows, their counters, and each move of their status."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Executable,
    Row,
    Select,
    Table,
    bindparam,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.counts import CriterionCounts, ModelUsage, ResultCounts
from evald.contract.data_source_configs import item_schema_of
from evald.contract.json_types import JsonObject
from evald.contract.runs import Run, RunError, Status
from evald.errors import NotFound, RunStopped
from evald.rules import json_text, status
from evald.rules.paging import PageRequest
from evald.rules.tally import Tally
from evald.store.pages import Page, page_of_rows
from evald.store.tables import chunks, evals, run_criteria, run_data_sources, run_usage, runs


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run that is about to be inserted as `queued`."""

    id: str
    eval_id: str
    name: str
    model: str | None
    created_at: int
    data_source_text: str
    plan: JsonObject
    """The data source without its rows."""
    unread_file_id: str | None
    """The file whose rows are still to be read, or None when they came with the request."""
    metadata: dict[str, str] | None
    criteria: int
    """The number of its testing criteria."""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What carrying out a run needs to know of it."""

    run_id: str
    eval_id: str
    created_at: int
    status: Status
    row_count: int | None
    unread_file_id: str | None
    testing_criteria: tuple[JsonObject, ...]
    data_source: JsonObject
    """The data source without its rows."""
    item_schema: JsonObject


async def insert_run(connection: AsyncConnection, new: NewRun) -> None:
    """Add a run, with its counters at zero and no rows yet."""
    await connection.execute(
        insert(runs).values(
            id=new.id,
            eval_id=new.eval_id,
            name=new.name,
            model=new.model,
            status="queued",
            created_at=new.created_at,
            plan=json_text.dump(new.plan),
            unread_file_id=new.unread_file_id,
            metadata=None if new.metadata is None else json_text.dump(new.metadata),
        )
    )
    await connection.execute(
        insert(run_data_sources).values(run_id=new.id, data_source=new.data_source_text)
    )
    if new.criteria:
        places = [{"run_id": new.id, "position": place} for place in range(new.criteria)]
        await connection.execute(insert(run_criteria), places)


async def set_row_count(connection: AsyncConnection, run_id: str, row_count: int) -> None:
    """Say how many rows a run has, once all its chunks are there; its file is then not needed."""
    await connection.execute(
        update(runs).where(runs.c.id == run_id).values(row_count=row_count, unread_file_id=None)
    )


async def get_plan(connection: AsyncConnection, run_id: str) -> RunPlan | None:
    """Give the plan of a run, or None when the run is gone."""
    found = await connection.execute(
        select(
            runs.c.eval_id,
            runs.c.created_at,
            runs.c.status,
            runs.c.row_count,
            runs.c.unread_file_id,
            runs.c.plan,
            evals.c.testing_criteria,
            evals.c.data_source_config,
        )
        .join(evals, evals.c.id == runs.c.eval_id)
        .where(runs.c.id == run_id)
    )
    row = found.one_or_none()
    if row is None:
        return None
    return RunPlan(
        run_id=run_id,
        eval_id=row.eval_id,
        created_at=row.created_at,
        status=row.status,
        row_count=row.row_count,
        unread_file_id=row.unread_file_id,
        testing_criteria=tuple(orjson.loads(row.testing_criteria)),
        data_source=orjson.loads(row.plan),
        item_schema=item_schema_of(orjson.loads(row.data_source_config)),
    )


async def move(
    connection: AsyncConnection, run_id: str, event: status.Event, **also: object
) -> bool:
    """Move a run's status as the table of moves says, in one statement; say whether it moved.

    `also` are columns that are set in the same statement.
    """
    moved = await connection.execute(
        update(runs)
        .where(runs.c.id == run_id, runs.c.status.in_(status.sources(event)))
        .values(status=status.target(event), **also)
    )
    return moved.rowcount == 1


async def complete_run(connection: AsyncConnection, run_id: str, finished_at: float) -> bool:
    """Complete a run in progress whose rows all have an output item; say whether it moved."""
    saved = runs.c.passed + runs.c.failed + runs.c.errored
    moved = await connection.execute(
        update(runs)
        .where(
            runs.c.id == run_id,
            runs.c.status.in_(status.sources("complete")),
            saved == runs.c.row_count,
        )
        .values(status=status.target("complete"), finished_at=finished_at)
    )
    return moved.rowcount == 1


async def add_to_counters(
    connection: AsyncConnection, run_id: str, position: int, claim: str, added: Tally
) -> None:
    """Add the tally of some output items to the counters of a run in progress.

    It stands first in the transaction that saves the items: the row of the run is the lock that puts
    the saves of one run in order. Raises RunStopped when the run is not in progress or its chunk is
    claimed by another.
    """
    ours = {"of_run": run_id, "of_position": position, "of_claim": claim}
    counted = await connection.execute(_ADD_COUNTS, {**ours, **_more(added.counts)})
    if counted.rowcount != 1:
        raise RunStopped(run_id)
    if added.criteria:
        criteria = [
            {"of_run": run_id, "of_position": place, **_more(counts)}
            for place, counts in enumerate(added.criteria)
        ]
        await connection.execute(_ADD_CRITERIA, criteria)
    if added.usage:
        usage = [{"run_id": run_id, **asdict(each)} for each in added.usage]
        await connection.execute(_ADD_USAGE[connection.dialect.name], usage)


def _more(counts: ResultCounts | CriterionCounts) -> dict[str, int]:
    return {
        "more_passed": counts.passed,
        "more_failed": counts.failed,
        "more_errored": counts.errored,
    }


def _sums(table: Table) -> dict[str, ColumnElement[int]]:
    names = ("passed", "failed", "errored")
    return {name: table.c[name] + bindparam(f"more_{name}") for name in names}


_USAGE_NUMBERS = (
    "invocation_count",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cached_tokens",
)


# Built once: saves are what a run does most often, and building a statement costs more than running it.
_ADD_COUNTS = (
    update(runs)
    .where(
        runs.c.id == bindparam("of_run"),
        runs.c.status == "in_progress",
        select(chunks.c.run_id)
        .where(
            chunks.c.run_id == bindparam("of_run"),
            chunks.c.position == bindparam("of_position"),
            chunks.c.claim == bindparam("of_claim"),
        )
        .exists(),
    )
    .values(_sums(runs))
)
_ADD_CRITERIA = (
    update(run_criteria)
    .where(
        run_criteria.c.run_id == bindparam("of_run"),
        run_criteria.c.position == bindparam("of_position"),
    )
    .values(_sums(run_criteria))
)


def _add_usage(dialect: Any) -> Executable:
    new = dialect.insert(run_usage)
    sums = {name: run_usage.c[name] + new.excluded[name] for name in _USAGE_NUMBERS}
    added: Executable = new.on_conflict_do_update(
        index_elements=["run_id", "model_name"], set_=sums
    )
    return added


_ADD_USAGE = {"sqlite": _add_usage(sqlite), "postgresql": _add_usage(postgresql)}


async def delete_run(connection: AsyncConnection, run_id: str) -> None:
    """Remove a run with its chunks and output items."""
    await connection.execute(delete(runs).where(runs.c.id == run_id))


async def unfinished_runs(connection: AsyncConnection) -> list[str]:
    """Give the ids of all runs that are queued or in progress, in the order of creation."""
    found = await connection.execute(
        select(runs.c.id).where(runs.c.status.in_(status.sources("cancel"))).order_by(runs.c.seq)
    )
    return list(found.scalars())


async def run_ids_of_eval(connection: AsyncConnection, eval_id: str) -> list[str]:
    """Give the ids of an eval's unfinished runs."""
    found = await connection.execute(
        select(runs.c.id).where(
            runs.c.eval_id == eval_id, runs.c.status.in_(status.sources("cancel"))
        )
    )
    return list(found.scalars())


async def get_run(connection: AsyncConnection, eval_id: str, run_id: str) -> Run:
    """Give a run of this eval, as the API answers it. Raises NotFound."""
    return await _one_run(connection, _FULL_DATA_SOURCE, eval_id, run_id)


async def get_run_without_rows(connection: AsyncConnection, eval_id: str, run_id: str) -> Run:
    """Give a run of this eval without the rows that came with its request.

    Those can be many megabytes. Raises NotFound.
    """
    return await _one_run(connection, runs.c.plan, eval_id, run_id)


async def _one_run(
    connection: AsyncConnection, data_source: ColumnElement[str], eval_id: str, run_id: str
) -> Run:
    found = await connection.execute(
        _run_columns(data_source).where(runs.c.id == run_id, runs.c.eval_id == eval_id)
    )
    row = found.one_or_none()
    if row is None:
        raise _no_run(eval_id, run_id)
    return (await _runs(connection, [row]))[0]


async def check_run(connection: AsyncConnection, eval_id: str, run_id: str) -> None:
    """Check that this run is there and belongs to this eval. Raises NotFound."""
    found = await connection.execute(
        select(runs.c.seq).where(runs.c.id == run_id, runs.c.eval_id == eval_id)
    )
    if found.one_or_none() is None:
        raise _no_run(eval_id, run_id)


def _no_run(eval_id: str, run_id: str) -> NotFound:
    return NotFound(
        f"No run found with id '{run_id[:80]}' in eval '{eval_id[:80]}'.", param="run_id"
    )


async def list_runs(
    connection: AsyncConnection, eval_id: str, page: PageRequest, wanted: Status | None
) -> Page[Run]:
    """Give one page of an eval's runs, only those of a status if one is wanted."""
    return await _page_of_runs(connection, _run_columns(_FULL_DATA_SOURCE), eval_id, page, wanted)


async def list_runs_without_rows(
    connection: AsyncConnection, eval_id: str, page: PageRequest
) -> Page[Run]:
    """Give one page of an eval's runs without the rows that came with their requests."""
    return await _page_of_runs(connection, _run_columns(runs.c.plan), eval_id, page, None)


async def _page_of_runs(
    connection: AsyncConnection,
    rows: Select[Any],
    eval_id: str,
    page: PageRequest,
    wanted: Status | None,
) -> Page[Run]:
    if wanted is not None:
        rows = rows.where(runs.c.status == wanted)
    found, more = await page_of_rows(
        connection,
        rows,
        [runs.c.created_at, runs.c.seq],
        page,
        id_column=runs.c.id,
        members=[runs.c.eval_id == eval_id],
    )
    return Page(tuple(await _runs(connection, found)), more)


def _run_columns(data_source: ColumnElement[str]) -> Select[Any]:
    others = [column for column in runs.c if column.name != "plan"]
    return (
        select(*others, data_source.label("data_source_text"), evals.c.testing_criteria)
        .select_from(runs)
        .join(evals, evals.c.id == runs.c.eval_id)
    )


# The rows that came with a request are read for each run by its key, and only where they are shown.
_FULL_DATA_SOURCE = (
    select(run_data_sources.c.data_source)
    .where(run_data_sources.c.run_id == runs.c.id)
    .scalar_subquery()
)


async def _runs(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> list[Run]:
    """Give runs with their counters, read with two more statements however many runs there are."""
    ids = [row.id for row in rows]
    criteria: dict[str, list[CriterionCounts]] = {run_id: [] for run_id in ids}
    usage: dict[str, list[ModelUsage]] = {run_id: [] for run_id in ids}
    table = run_criteria.c
    for found in await connection.execute(
        select(run_criteria).where(table.run_id.in_(ids)).order_by(table.run_id, table.position)
    ):
        counts = CriterionCounts(found.passed, found.failed, found.errored)
        criteria[found.run_id].append(counts)
    for found in await connection.execute(
        select(run_usage)
        .where(run_usage.c.run_id.in_(ids))
        .order_by(run_usage.c.run_id, run_usage.c.model_name)
    ):
        numbers = [getattr(found, name) for name in _USAGE_NUMBERS]
        usage[found.run_id].append(ModelUsage(found.model_name, *numbers))
    return [_run(row, criteria[row.id], usage[row.id]) for row in rows]


def _run(row: Row[Any], criteria: list[CriterionCounts], usage: list[ModelUsage]) -> Run:
    names = [str(criterion["id"]) for criterion in orjson.loads(row.testing_criteria)]
    return Run(
        id=row.id,
        eval_id=row.eval_id,
        name=row.name,
        model=row.model,
        status=row.status,
        created_at=row.created_at,
        data_source_text=row.data_source_text,
        metadata=None if row.metadata is None else orjson.loads(row.metadata),
        error=RunError(row.error_code, row.error_message) if row.error_code else None,
        counts=ResultCounts(row.passed, row.failed, row.errored),
        criteria=tuple(zip(names, criteria, strict=True)),
        usage=tuple(usage),
        row_count=row.row_count,
        calls_aborted=row.calls_aborted,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
