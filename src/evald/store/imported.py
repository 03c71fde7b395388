"""The statements on imported history: whose the ids are that it brings, and what is kept of it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, exists, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.evals import Eval
from evald.contract.projects import ProjectId
from evald.contract.runs import Status
from evald.rules import json_text
from evald.rules.verdict import ItemStatus
from evald.store.evals import imported_text
from evald.store.tables import evals, imported_runs, output_items, run_data_sources, runs

IMPORTING: Final = 0x6576616C66
"""The number of Postgres's advisory lock under which history is taken in."""


@dataclass(frozen=True, slots=True)
class NewImportedRun:
    """A run that is about to be kept as history, never to be carried out. Times are Unix seconds."""

    id: str
    eval_id: str
    name: str
    model: str | None
    status: Status
    """The one that it has here: a final one."""
    original_status: Status
    created_at: int
    imported_at: int
    reconstructed: bool
    data_source_text: str
    plan_text: str
    """The data source without its rows."""
    metadata: dict[str, str] | None
    error_code: str | None
    error_message: str | None
    row_count: int | None
    passed: int
    failed: int
    errored: int
    calls_aborted: int
    started_at: float | None
    finished_at: float | None
    body: str
    extras: str


@dataclass(frozen=True, slots=True)
class NewImportedItem:
    """An output item that is about to be kept as history."""

    id: str
    run_id: str
    eval_id: str
    wanted_row: int | None
    """Its `datasource_item_id`, or None when it came without one."""
    status: ItemStatus
    error_message: str | None
    body: str


@dataclass(frozen=True, slots=True)
class RunPlace:
    """Whose a run is that is here, and whether it was imported."""

    project_id: ProjectId
    eval_id: str
    is_imported: bool
    reconstructed: bool
    original_status: Status | None
    total: int
    """How many output items it tells of."""


_IN_TURN = text("SELECT pg_advisory_xact_lock(:lock)").bindparams(lock=IMPORTING)


async def take_turns(connection: AsyncConnection) -> None:
    """Keep other imports waiting until this transaction ends: what is looked up stays true until then.

    SQLite has one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        await connection.execute(_IN_TURN)


async def projects_of_evals(
    connection: AsyncConnection, ids: Collection[str]
) -> dict[str, ProjectId]:
    """Give whose those of these evals are that are here."""
    found = await connection.execute(
        select(evals.c.id, evals.c.project_id).where(evals.c.id.in_(ids))
    )
    return {row.id: ProjectId(row.project_id) for row in found}


async def places_of_runs(connection: AsyncConnection, ids: Collection[str]) -> dict[str, RunPlace]:
    """Give those of these runs that are here, in whichever project."""
    found = await connection.execute(
        select(
            runs.c.id,
            runs.c.eval_id,
            evals.c.project_id,
            (runs.c.passed + runs.c.failed + runs.c.errored).label("total"),
            imported_runs.c.status.label("original_status"),
            imported_runs.c.reconstructed,
        )
        .select_from(runs)
        .join(evals, evals.c.id == runs.c.eval_id)
        .outerjoin(imported_runs, imported_runs.c.run_id == runs.c.id)
        .where(runs.c.id.in_(ids))
    )
    return {row.id: _place(row) for row in found}


def _place(row: Row[*tuple[Any, ...]]) -> RunPlace:
    return RunPlace(
        project_id=ProjectId(row.project_id),
        eval_id=row.eval_id,
        is_imported=row.original_status is not None,
        reconstructed=bool(row.reconstructed),
        original_status=row.original_status,
        total=row.total,
    )


@dataclass(frozen=True, slots=True)
class ItemPlace:
    """Of which run an output item is that is here, and how long its text is, in characters."""

    run_id: str
    length: int


async def places_of_items(
    connection: AsyncConnection, ids: Collection[str]
) -> dict[str, ItemPlace]:
    """Give those of these output items that are here, in whichever project."""
    length = func.length(output_items.c.body).label("length")
    found = await connection.execute(
        select(output_items.c.id, output_items.c.run_id, length).where(output_items.c.id.in_(ids))
    )
    return {row.id: ItemPlace(row.run_id, row.length) for row in found}


async def texts_of_items(connection: AsyncConnection, ids: Collection[str]) -> dict[str, str]:
    """Give the JSON texts of these output items."""
    found = await connection.execute(
        select(output_items.c.id, output_items.c.body).where(output_items.c.id.in_(ids))
    )
    return {row.id: row.body for row in found}


async def text_of_run(connection: AsyncConnection, run_id: str) -> str:
    """Give the JSON text of an imported run as it came, without its data source."""
    found = await connection.execute(
        select(imported_runs.c.body).where(imported_runs.c.run_id == run_id)
    )
    text: str = found.scalar_one()
    return text


async def replace_eval(connection: AsyncConnection, new: Eval) -> None:
    """Put an eval in the place of the one that was put together from its output items."""
    await connection.execute(
        update(evals)
        .where(evals.c.id == new.id)
        .values(
            name=new.name,
            created_at=new.created_at,
            updated_at=new.updated_at,
            data_source_config=json_text.dump(new.data_source_config),
            testing_criteria=json_text.dump(new.testing_criteria),
            metadata=None if new.metadata is None else json_text.dump(new.metadata),
            imported=imported_text(new.imported),
        )
    )


async def insert_imported_run(connection: AsyncConnection, new: NewImportedRun) -> None:
    """Keep a run as history."""
    await connection.execute(
        insert(runs).values(id=new.id, eval_id=new.eval_id, **_run_columns(new))
    )
    await connection.execute(
        insert(run_data_sources).values(run_id=new.id, data_source=new.data_source_text)
    )
    await connection.execute(insert(imported_runs).values(run_id=new.id, **_history_columns(new)))


async def replace_imported_run(connection: AsyncConnection, new: NewImportedRun) -> None:
    """Put a run in the place of one that was not over, or put together; its output items stay.

    The counts of one that is put together stay too: they are those of its items.
    """
    await connection.execute(update(runs).where(runs.c.id == new.id).values(**_run_columns(new)))
    await connection.execute(
        update(run_data_sources)
        .where(run_data_sources.c.run_id == new.id)
        .values(data_source=new.data_source_text)
    )
    await connection.execute(
        update(imported_runs)
        .where(imported_runs.c.run_id == new.id)
        .values(**_history_columns(new))
    )


def _run_columns(new: NewImportedRun) -> dict[str, object]:
    counts = {"passed": new.passed, "failed": new.failed, "errored": new.errored}
    return {
        "name": new.name,
        "model": new.model,
        "status": new.status,
        "created_at": new.created_at,
        "plan": new.plan_text,
        "unread_file_id": None,
        "metadata": None if new.metadata is None else json_text.dump(new.metadata),
        "error_code": new.error_code,
        "error_message": new.error_message,
        "row_count": new.row_count,
        **({} if new.reconstructed else counts),
        "calls_aborted": new.calls_aborted,
        "started_at": new.started_at,
        "finished_at": new.finished_at,
    }


def _history_columns(new: NewImportedRun) -> dict[str, object]:
    return {
        "imported_at": new.imported_at,
        "status": new.original_status,
        "reconstructed": int(new.reconstructed),
        "body": new.body,
        "extras": new.extras,
    }


async def taken_rows(connection: AsyncConnection, run_id: str, wanted: Collection[int]) -> set[int]:
    """Give those of these rows of a run that have an output item."""
    found = await connection.execute(
        select(output_items.c.row_index).where(
            output_items.c.run_id == run_id, output_items.c.row_index.in_(wanted)
        )
    )
    return set(found.scalars())


async def row_behind_all(connection: AsyncConnection, run_id: str) -> int:
    """Give the number of the first row behind all that have an output item."""
    found = await connection.execute(
        select(func.max(output_items.c.row_index)).where(output_items.c.run_id == run_id)
    )
    last: int | None = found.scalar_one()
    return 0 if last is None else last + 1


async def insert_imported_items(
    connection: AsyncConnection, items: Sequence[tuple[NewImportedItem, int]]
) -> None:
    """Keep output items as history, each in its row."""
    await connection.execute(
        insert(output_items),
        [
            {
                "id": item.id,
                "run_id": item.run_id,
                "row_index": row,
                "status": item.status,
                "error_message": item.error_message,
                "body": item.body,
            }
            for item, row in items
        ],
    )


async def count_items(
    connection: AsyncConnection, run_id: str, statuses: Collection[ItemStatus]
) -> None:
    """Add output items of these statuses to a run whose counts are those of its items.

    Counts that a run came with stay as they are.
    """
    found = list(statuses)
    is_counted = exists().where(
        imported_runs.c.run_id == runs.c.id, imported_runs.c.reconstructed == 1
    )
    await connection.execute(
        update(runs)
        .where(runs.c.id == run_id, is_counted)
        .values(
            passed=runs.c.passed + found.count("pass"),
            failed=runs.c.failed + found.count("fail"),
            errored=runs.c.errored + found.count("error"),
        )
    )
