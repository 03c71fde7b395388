"""The statements on evals as people look through them: searched, filtered, with their last runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, Row, Select, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.evals import Eval
from evald.contract.projects import ProjectId
from evald.contract.runs import Status
from evald.rules import json_text
from evald.rules.eval_filter import EvalFilter, MetadataPair
from evald.rules.paging import PageRequest
from evald.store.evals import page_of_evals
from evald.store.pages import Page
from evald.store.tables import evals, imported_runs, runs


@dataclass(frozen=True, slots=True)
class RecentRun:
    """A run as the lists of evals tell of it. `row_count` is None until its rows are read."""

    id: str
    name: str
    model: str | None
    status: Status
    created_at: int
    """Whole Unix seconds."""
    row_count: int | None
    passed: int
    failed: int
    errored: int
    is_imported: bool


async def find_evals(
    connection: AsyncConnection, project_id: ProjectId, page: PageRequest, wanted: EvalFilter
) -> Page[Eval]:
    """Give one page of the evals of a project that fit a filter. Raises BadRequest."""
    kind = connection.dialect.name
    rows = select(evals).where(*[_has(pair, kind) for pair in wanted.metadata])
    if wanted.words:
        named = (_contains(evals.c[column], wanted.words, kind) for column in ("name", "id"))
        rows = rows.where(or_(*named))
    return await page_of_evals(connection, rows, project_id, page)


async def recent_runs(
    connection: AsyncConnection, eval_ids: Sequence[str], each: int
) -> dict[str, list[RecentRun]]:
    """Give the last `each` runs of every one of these evals, the newest first, in one statement.

    An eval without runs is not in the answer.
    """
    if not eval_ids:
        return {}
    asked: Select[Any] = (
        select(*_RECENT)
        .select_from(_with_last_runs(each, connection.dialect.name))
        .outerjoin(imported_runs, imported_runs.c.run_id == runs.c.id)
        .where(evals.c.id.in_(eval_ids))
        .order_by(runs.c.eval_id, runs.c.created_at.desc(), runs.c.seq.desc())
    )
    listed: dict[str, list[RecentRun]] = {}
    for row in await connection.execute(asked):
        listed.setdefault(row.eval_id, []).append(_recent(row))
    return listed


async def count_runs(connection: AsyncConnection, eval_ids: Sequence[str]) -> dict[str, int]:
    """Give how many runs these evals have, by their index. An eval without runs is not in the answer."""
    found = await connection.execute(
        select(runs.c.eval_id, func.count())
        .where(runs.c.eval_id.in_(eval_ids))
        .group_by(runs.c.eval_id)
    )
    return {row[0]: row[1] for row in found}


async def eval_of_run(
    connection: AsyncConnection, project_id: ProjectId, run_id: str
) -> str | None:
    """Give the id of the eval of a run, or None where this project has no such run."""
    found = await connection.execute(
        select(runs.c.eval_id)
        .join(evals, evals.c.id == runs.c.eval_id)
        .where(runs.c.id == run_id, evals.c.project_id == project_id)
    )
    eval_id: str | None = found.scalar_one_or_none()
    return eval_id


_RECENT: Final = (
    runs.c.id,
    runs.c.eval_id,
    runs.c.name,
    runs.c.model,
    runs.c.status,
    runs.c.created_at,
    runs.c.row_count,
    runs.c.passed,
    runs.c.failed,
    runs.c.errored,
    imported_runs.c.run_id.is_not(None).label("is_imported"),
)


def _with_last_runs(each: int, kind: str) -> FromClause:
    """Give evals joined with their last runs, which are found by the index however many runs there are.

    Postgres needs LATERAL for that, which SQLite does not have and does not need.
    """
    inner = runs.alias("of_one_eval")
    last = (
        select(inner.c.seq)
        .where(inner.c.eval_id == evals.c.id)
        .order_by(inner.c.created_at.desc(), inner.c.seq.desc())
        .limit(each)
        .correlate(evals)
    )
    if kind == "sqlite":
        return evals.join(runs, runs.c.seq.in_(last))
    lateral = last.lateral("last")
    return evals.join(lateral, true()).join(runs, runs.c.seq == lateral.c.seq)


def _recent(row: Row[Any]) -> RecentRun:
    values = {name: value for name, value in row._mapping.items() if name != "eval_id"}
    return RecentRun(**{**values, "is_imported": bool(row.is_imported)})


def _has(pair: MetadataPair, kind: str) -> ColumnElement[bool]:
    """Give the condition that an eval has this pair.

    It is looked for in the text: metadata is one flat object of texts that is always written in the
    same way, and Postgres would refuse to read it as JSON where a text holds a NUL.
    """
    position = func.instr if kind == "sqlite" else func.strpos
    entry = json_text.dump(pair.key) + ":" + (json_text.dump(pair.value) if pair.value else "")
    return or_(*(position(evals.c.metadata, before + entry) > 0 for before in "{,"))


def _contains(column: ColumnElement[str], words: str, kind: str) -> ColumnElement[bool]:
    """Give the condition that a text contains these words, in small or capital letters of any script.

    LIKE knows that of ASCII alone on SQLite, and of what the database is set to on Postgres. A pattern
    that names both letters does not depend on it.
    """
    if kind == "sqlite":
        return column.op("GLOB", is_comparison=True)(f"*{''.join(map(_in_glob, words))}*")
    return column.regexp_match("".join(map(_in_regex, words)))


def _in_glob(character: str) -> str:
    return _either_case(character) or (f"[{character}]" if character in "*?[" else character)


def _in_regex(character: str) -> str:
    is_special = character.isascii() and not character.isalnum()
    return _either_case(character) or (f"\\{character}" if is_special else character)


def _either_case(character: str) -> str:
    """Give the small and the capital letter as patterns have them, or an empty text for no letter."""
    forms = {form for form in (character.lower(), character.upper()) if len(form) == 1}
    return f"[{''.join(sorted(forms | {character}))}]" if len(forms) > 1 else ""
