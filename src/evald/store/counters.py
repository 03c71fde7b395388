"""The counters of runs: kept with every save of output items, so that they are never counted."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Executable, Table, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.counts import CriterionCounts, ModelUsage, ResultCounts
from evald.errors import RunStopped
from evald.rules.tally import Tally
from evald.store.tables import chunks, run_criteria, run_usage, runs


@dataclass
class Counters:
    """What the saved output items of a run add up to, beside its result counts."""

    criteria: list[CriterionCounts] = field(default_factory=list)
    """One for each testing criterion, in the eval's order."""
    usage: list[ModelUsage] = field(default_factory=list)


async def counters_of(connection: AsyncConnection, run_ids: Sequence[str]) -> dict[str, Counters]:
    """Give the counters of runs, with two statements however many runs there are."""
    counters = {run_id: Counters() for run_id in run_ids}
    for row in await connection.execute(_CRITERIA, {"run_ids": run_ids}):
        counts = CriterionCounts(row.passed, row.failed, row.errored)
        counters[row.run_id].criteria.append(counts)
    for row in await connection.execute(_USAGE, {"run_ids": run_ids}):
        numbers = {name: getattr(row, name) for name in _USAGE_NUMBERS}
        usage = ModelUsage(row.model_name, **numbers, purpose=row.purpose)
        counters[row.run_id].usage.append(usage)
    return counters


async def add_to_counters(
    connection: AsyncConnection, run_id: str, position: int, claim: str, added: Tally
) -> None:
    """Add the tally of some output items to the counters of a run in progress.

    It stands first in the transaction that saves the items: the row of the run is the lock that puts
    the saves of one run in order. Raises RunStopped when the run is not in progress or its chunk is
    claimed by another.
    """
    ours = {"of_run": run_id, "of_position": position, "of_claim": claim}
    add_counts = _ADD_COUNTS[connection.dialect.name]
    counted = await connection.execute(add_counts, {**ours, **_more(added.counts)})
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


async def take_from_counters(connection: AsyncConnection, run_id: str, taken: Tally) -> None:
    """Take the counts of output items that are removed from those of their run.

    What their calls cost stays: it was spent. It stands in the transaction that removes the items.
    """
    await connection.execute(_TAKE_COUNTS, {"of_run": run_id, **_more(taken.counts)})
    if taken.criteria:
        criteria = [
            {"of_run": run_id, "of_position": place, **_more(counts)}
            for place, counts in enumerate(taken.criteria)
        ]
        await connection.execute(_TAKE_CRITERIA, criteria)


def _more(counts: ResultCounts | CriterionCounts) -> dict[str, int]:
    return {
        "more_passed": counts.passed,
        "more_failed": counts.failed,
        "more_errored": counts.errored,
    }


_COUNTS = ("passed", "failed", "errored")


def _sums(table: Table) -> dict[str, ColumnElement[int]]:
    return {name: table.c[name] + bindparam(f"more_{name}") for name in _COUNTS}


def _differences(table: Table) -> dict[str, ColumnElement[int]]:
    return {name: table.c[name] - bindparam(f"more_{name}") for name in _COUNTS}


_USAGE_NUMBERS = (
    "invocation_count",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cached_tokens",
)


# Built once: saves are what a run does most often, and building a statement costs more than running it.
_OUR_CHUNK = select(chunks.c.run_id).where(
    chunks.c.run_id == bindparam("of_run"),
    chunks.c.position == bindparam("of_position"),
    chunks.c.claim == bindparam("of_claim"),
)


def _add_counts(is_ours: ColumnElement[bool]) -> Executable:
    of_run = (runs.c.id == bindparam("of_run"), runs.c.status == "in_progress")
    return update(runs).where(*of_run, is_ours).values(_sums(runs))


_ADD_COUNTS = {
    # It has one writer, and needs no lock.
    "sqlite": _add_counts(_OUR_CHUNK.exists()),
    # Here the chunk is locked until the save is committed: who claims it meanwhile waits, and then sees
    # the items.
    "postgresql": _add_counts(select(_OUR_CHUNK.with_for_update().cte("our_chunk")).exists()),
}
_OF_CRITERION = update(run_criteria).where(
    run_criteria.c.run_id == bindparam("of_run"),
    run_criteria.c.position == bindparam("of_position"),
)
_ADD_CRITERIA = _OF_CRITERION.values(_sums(run_criteria))
_TAKE_COUNTS = update(runs).where(runs.c.id == bindparam("of_run")).values(_differences(runs))
_TAKE_CRITERIA = _OF_CRITERION.values(_differences(run_criteria))


def _add_usage(dialect: Any) -> Executable:
    new = dialect.insert(run_usage)
    sums = {name: run_usage.c[name] + new.excluded[name] for name in _USAGE_NUMBERS}
    added: Executable = new.on_conflict_do_update(
        index_elements=["run_id", "model_name", "purpose"], set_=sums
    )
    return added


_ADD_USAGE = {"sqlite": _add_usage(sqlite), "postgresql": _add_usage(postgresql)}


_CRITERIA = (
    select(run_criteria)
    .where(run_criteria.c.run_id.in_(bindparam("run_ids", expanding=True)))
    .order_by(run_criteria.c.run_id, run_criteria.c.position)
)
_USAGE = (
    select(run_usage)
    .where(run_usage.c.run_id.in_(bindparam("run_ids", expanding=True)))
    .order_by(run_usage.c.run_id, run_usage.c.model_name, run_usage.c.purpose)
)
