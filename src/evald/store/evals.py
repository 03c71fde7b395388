"""The statements on evals."""

from typing import Any, Literal

import orjson
from sqlalchemy import ColumnElement, Row, Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.evals import Eval, ImportedEval
from evald.contract.projects import ProjectId
from evald.errors import NotFound
from evald.rules import json_text
from evald.rules.paging import PageRequest
from evald.store.pages import Page, page_of_rows
from evald.store.tables import evals

OrderBy = Literal["created_at", "updated_at"]


async def insert_eval(connection: AsyncConnection, new: Eval) -> None:
    """Add an eval."""
    await connection.execute(
        insert(evals).values(
            id=new.id,
            project_id=new.project_id,
            name=new.name,
            created_at=new.created_at,
            updated_at=new.updated_at,
            data_source_config=json_text.dump(new.data_source_config),
            testing_criteria=json_text.dump(new.testing_criteria),
            metadata=_metadata_text(new.metadata),
            imported=imported_text(new.imported),
        )
    )


async def get_eval(connection: AsyncConnection, project_id: ProjectId, eval_id: str) -> Eval:
    """Give an eval of this project. Raises NotFound."""
    return await _one(connection, select(evals), project_id, eval_id)


async def keep_eval(connection: AsyncConnection, project_id: ProjectId, eval_id: str) -> Eval:
    """Give an eval that nobody deletes before this transaction ends. Raises NotFound."""
    kept = select(evals).with_for_update(read=True, key_share=True)
    return await _one(connection, kept, project_id, eval_id)


async def hold_eval(connection: AsyncConnection, project_id: ProjectId, eval_id: str) -> Eval:
    """Give an eval that nobody else changes, and no run is added to, before this transaction ends.

    Raises NotFound.
    """
    return await _one(connection, select(evals).with_for_update(), project_id, eval_id)


async def _one(
    connection: AsyncConnection, which: Select[Any], project_id: ProjectId, eval_id: str
) -> Eval:
    found = await connection.execute(
        which.where(evals.c.id == eval_id, evals.c.project_id == project_id)
    )
    row = found.one_or_none()
    if row is None:
        raise NotFound(f"No eval found with id '{eval_id[:80]}'.", param="eval_id")
    return eval_of(row)


async def list_evals(
    connection: AsyncConnection, project_id: ProjectId, page: PageRequest, order_by: OrderBy
) -> Page[Eval]:
    """Give one page of the evals of a project."""
    return await page_of_evals(connection, select(evals), project_id, page, order_by)


async def page_of_evals(
    connection: AsyncConnection,
    rows: Select[Any],
    project_id: ProjectId,
    page: PageRequest,
    order_by: OrderBy = "created_at",
) -> Page[Eval]:
    """Give one page of those of a project's evals that are among these rows. Raises BadRequest."""
    keys: list[ColumnElement[Any]] = [evals.c[order_by], evals.c.seq]
    found, more = await page_of_rows(
        connection,
        rows,
        keys,
        page,
        id_column=evals.c.id,
        members=[evals.c.project_id == project_id],
        texts=[
            evals.c.data_source_config,
            evals.c.testing_criteria,
            func.coalesce(evals.c.imported, ""),
        ],
    )
    return Page(tuple(eval_of(row) for row in found), more)


async def update_eval(connection: AsyncConnection, changed: Eval) -> None:
    """Save the name, the metadata and the time of the last change of an eval."""
    await connection.execute(
        update(evals)
        .where(evals.c.id == changed.id)
        .values(
            name=changed.name,
            metadata=_metadata_text(changed.metadata),
            updated_at=changed.updated_at,
        )
    )


async def delete_eval(connection: AsyncConnection, eval_id: str) -> None:
    """Remove an eval with its runs and their output items."""
    await connection.execute(delete(evals).where(evals.c.id == eval_id))


def _metadata_text(metadata: dict[str, str] | None) -> str | None:
    return None if metadata is None else json_text.dump(metadata)


def imported_text(imported: ImportedEval | None) -> str | None:
    """Give what is kept of how an eval came here, or None for one that was made here.

    Raises BadJson when it is nested too deep.
    """
    if imported is None:
        return None
    return json_text.dump(
        {
            "at": imported.at,
            "reconstructed": imported.reconstructed,
            "extras": imported.extras,
        }
    )


def eval_of(row: Row[Any]) -> Eval:
    """Give the eval of a whole row of the table."""
    return Eval(
        id=row.id,
        project_id=ProjectId(row.project_id),
        name=row.name,
        created_at=row.created_at,
        updated_at=row.updated_at,
        data_source_config=orjson.loads(row.data_source_config),
        testing_criteria=orjson.loads(row.testing_criteria),
        metadata=None if row.metadata is None else orjson.loads(row.metadata),
        imported=None if row.imported is None else ImportedEval(**orjson.loads(row.imported)),
    )
