"""The runs of an eval that completed before one of them was created: what it is seen against."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.counts import ResultCounts
from evald.store.tables import runs

LOOKED_THROUGH: Final = 200
"""Runs that are read at most to find completed ones: an eval may have thousands that were canceled."""


@dataclass(frozen=True, slots=True)
class EarlierRun:
    """A completed run, and how its items ended."""

    id: str
    name: str
    counts: ResultCounts


async def completed_before(
    connection: AsyncConnection, run_id: str, limit: int
) -> tuple[EarlierRun, ...]:
    """Give the last completed runs of the same eval from before this run, the oldest first."""
    this = runs.alias()
    recent = (
        select(runs.c.created_at, runs.c.seq, runs.c.id, runs.c.name, runs.c.status)
        .add_columns(runs.c.passed, runs.c.failed, runs.c.errored)
        .join(this, this.c.eval_id == runs.c.eval_id)
        .where(
            this.c.id == run_id,
            tuple_(runs.c.created_at, runs.c.seq) < tuple_(this.c.created_at, this.c.seq),
        )
        .order_by(runs.c.created_at.desc(), runs.c.seq.desc())
        .limit(LOOKED_THROUGH)
        .subquery()
    )
    found = await connection.execute(
        select(recent)
        .where(recent.c.status == "completed")
        .order_by(recent.c.created_at.desc(), recent.c.seq.desc())
        .limit(limit)
    )
    newest_first = [
        EarlierRun(row.id, row.name, ResultCounts(row.passed, row.failed, row.errored))
        for row in found
    ]
    return tuple(reversed(newest_first))
