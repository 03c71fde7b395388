"""The statements on runs: their rows, and each move of their status."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.counts import ResultCounts
from evald.contract.data_source_configs import item_schema_of
from evald.contract.json_types import JsonObject
from evald.contract.projects import ProjectId
from evald.contract.runs import ImportedRun, Regraded, Run, RunError, Status
from evald.errors import NotFound
from evald.rules import json_text, status
from evald.rules.paging import PageRequest
from evald.store.counters import Counters, counters_of
from evald.store.pages import Page, page_of_rows
from evald.store.tables import evals, imported_runs, run_criteria, run_data_sources, runs


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
    regrade_of: Regraded | None = None
    """Whose samples it grades, or None where it has its own."""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What carrying out a run needs to know of it."""

    run_id: str
    project_id: ProjectId
    eval_id: str
    created_at: int
    status: Status
    row_count: int | None
    unread_file_id: str | None
    testing_criteria: tuple[JsonObject, ...]
    data_source: JsonObject
    """The data source without its rows."""
    item_schema: JsonObject
    regrade_of: Regraded | None = None


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
            regrade_of=None if new.regrade_of is None else json_text.dump(asdict(new.regrade_of)),
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
            evals.c.project_id,
            runs.c.eval_id,
            runs.c.created_at,
            runs.c.status,
            runs.c.row_count,
            runs.c.unread_file_id,
            runs.c.plan,
            runs.c.regrade_of,
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
        project_id=ProjectId(row.project_id),
        eval_id=row.eval_id,
        created_at=row.created_at,
        status=row.status,
        row_count=row.row_count,
        unread_file_id=row.unread_file_id,
        testing_criteria=tuple(orjson.loads(row.testing_criteria)),
        data_source=orjson.loads(row.plan),
        item_schema=item_schema_of(orjson.loads(row.data_source_config)),
        regrade_of=_regraded(row.regrade_of),
    )


def _regraded(text: str | None) -> Regraded | None:
    return None if text is None else Regraded(**orjson.loads(text))


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


async def reopen_run(connection: AsyncConnection, run_id: str, event: status.Event) -> bool:
    """Queue a run again that came to its end, as if it had not ended; say whether it moved.

    A completed run moves only when there are errored rows to redo.
    """
    went_on = func.coalesce(runs.c.finished_at - runs.c.started_at, 0.0)
    moved = await connection.execute(
        update(runs)
        .where(
            runs.c.id == run_id,
            runs.c.status.in_(status.sources(event)),
            or_(runs.c.status != "completed", runs.c.errored > 0),
        )
        .values(
            status=status.target(event),
            error_code=None,
            error_message=None,
            calls_aborted=0,
            stop_asked_at=None,
            started_at=None,
            finished_at=None,
            resumes=runs.c.resumes + 1,
            seconds_before=runs.c.seconds_before + went_on,
        )
    )
    return moved.rowcount == 1


async def project_of(connection: AsyncConnection, run_id: str) -> ProjectId:
    """Give the project of a run that is there."""
    found = await connection.execute(
        select(evals.c.project_id)
        .join(runs, runs.c.eval_id == evals.c.id)
        .where(runs.c.id == run_id)
    )
    return ProjectId(found.scalar_one())


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


async def is_all_saved(connection: AsyncConnection, run_id: str) -> bool:
    """Say whether all rows of a run have an output item."""
    saved = runs.c.passed + runs.c.failed + runs.c.errored
    found = await connection.execute(
        select(runs.c.id).where(runs.c.id == run_id, saved == runs.c.row_count)
    )
    return found.one_or_none() is not None


async def cancel(
    connection: AsyncConnection, run_id: str, calls_aborted: int, finished_at: float
) -> bool:
    """Cancel a run that is not over, and say whether it moved.

    The calls that were cut off come on top of those that other machines have added.
    """
    aborted = runs.c.calls_aborted + calls_aborted
    return await move(connection, run_id, "cancel", calls_aborted=aborted, finished_at=finished_at)


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


async def get_run(
    connection: AsyncConnection, project_id: ProjectId, eval_id: str, run_id: str
) -> Run:
    """Give a run of this eval, as the API answers it. Raises NotFound."""
    return await _one_run(connection, _WITH_ROWS, project_id, eval_id, run_id)


async def get_run_without_rows(
    connection: AsyncConnection, project_id: ProjectId, eval_id: str, run_id: str
) -> Run:
    """Give a run of this eval without the rows that came with its request.

    Those can be many megabytes. Raises NotFound.
    """
    return await _one_run(connection, _WITHOUT_ROWS, project_id, eval_id, run_id)


async def _one_run(
    connection: AsyncConnection,
    rows: Select[Any],
    project_id: ProjectId,
    eval_id: str,
    run_id: str,
) -> Run:
    found = await connection.execute(rows.where(*_is_run(project_id, eval_id, run_id)))
    row = found.one_or_none()
    if row is None:
        raise _no_run(eval_id, run_id)
    return (await _runs(connection, [row]))[0]


async def short_data_source(connection: AsyncConnection, run_id: str, longest: int) -> str | None:
    """Give the data source of a run, rows and all, or None where it has more characters than this."""
    text = run_data_sources.c.data_source
    found = await connection.execute(
        select(text).where(run_data_sources.c.run_id == run_id, func.length(text) <= longest)
    )
    return found.scalar_one_or_none()


async def check_run(
    connection: AsyncConnection, project_id: ProjectId, eval_id: str, run_id: str
) -> None:
    """Check that this run is there and belongs to this eval and project. Raises NotFound."""
    found = await connection.execute(
        select(runs.c.seq)
        .join(evals, evals.c.id == runs.c.eval_id)
        .where(*_is_run(project_id, eval_id, run_id))
    )
    if found.one_or_none() is None:
        raise _no_run(eval_id, run_id)


def _is_run(project_id: ProjectId, eval_id: str, run_id: str) -> list[ColumnElement[bool]]:
    return [runs.c.id == run_id, runs.c.eval_id == eval_id, evals.c.project_id == project_id]


def _no_run(eval_id: str, run_id: str) -> NotFound:
    return NotFound(
        f"No run found with id '{run_id[:80]}' in eval '{eval_id[:80]}'.", param="run_id"
    )


async def is_there(connection: AsyncConnection, run_id: str) -> bool:
    """Say whether there is a run of this id, whoever has it."""
    found = await connection.execute(select(runs.c.seq).where(runs.c.id == run_id))
    return found.one_or_none() is not None


async def list_runs(
    connection: AsyncConnection, eval_id: str, page: PageRequest, wanted: Status | None
) -> Page[Run]:
    """Give one page of an eval's runs, only those of a status if one is wanted.

    Whose the eval is was seen when it was found.
    """
    return await _page_of_runs(connection, _WITH_ROWS, eval_id, page, wanted)


async def list_runs_without_rows(
    connection: AsyncConnection, eval_id: str, page: PageRequest, wanted: Status | None = None
) -> Page[Run]:
    """Give one page of an eval's runs, as `list_runs` does, without the rows that came with them."""
    return await _page_of_runs(connection, _WITHOUT_ROWS, eval_id, page, wanted)


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
        texts=[
            rows.selected_columns["data_source_text"],
            evals.c.testing_criteria,
            func.coalesce(imported_runs.c.body, ""),
        ],
    )
    return Page(tuple(await _runs(connection, found)), more)


# The rows that came with a request are read for each run by its key, and only where they are shown.
_FULL_DATA_SOURCE = (
    select(run_data_sources.c.data_source)
    .where(run_data_sources.c.run_id == runs.c.id)
    .scalar_subquery()
)


def _run_columns(data_source: ColumnElement[str]) -> Select[Any]:
    others = [column for column in runs.c if column.name != "plan"]
    return (
        select(
            *others,
            data_source.label("data_source_text"),
            evals.c.testing_criteria,
            imported_runs.c.imported_at,
            imported_runs.c.status.label("original_status"),
            imported_runs.c.reconstructed,
            imported_runs.c.body.label("imported_body"),
            imported_runs.c.extras.label("imported_extras"),
        )
        .select_from(runs)
        .join(evals, evals.c.id == runs.c.eval_id)
        .outerjoin(imported_runs, imported_runs.c.run_id == runs.c.id)
    )


# Built once: programs ask for a run many times a second while it goes on.
_WITH_ROWS = _run_columns(_FULL_DATA_SOURCE)
_WITHOUT_ROWS = _run_columns(runs.c.plan)


async def _runs(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> list[Run]:
    """Give runs with their counters, read with two more statements however many runs there are."""
    counters = await counters_of(connection, [row.id for row in rows])
    return [_run(row, counters[row.id]) for row in rows]


def _run(row: Row[Any], counters: Counters) -> Run:
    imported = _imported(row)
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
        criteria=() if imported else tuple(zip(_names(row), counters.criteria, strict=True)),
        usage=tuple(counters.usage),
        row_count=row.row_count,
        calls_aborted=row.calls_aborted,
        started_at=row.started_at,
        finished_at=row.finished_at,
        resumes=row.resumes,
        seconds_before=row.seconds_before,
        regrade_of=_regraded(row.regrade_of),
        imported=imported,
    )


def _names(row: Row[Any]) -> list[str]:
    return [str(criterion["id"]) for criterion in orjson.loads(row.testing_criteria)]


def _imported(row: Row[Any]) -> ImportedRun | None:
    if row.imported_at is None:
        return None
    return ImportedRun(
        at=row.imported_at,
        status=row.original_status,
        reconstructed=bool(row.reconstructed),
        body=row.imported_body,
        extras=row.imported_extras,
    )
