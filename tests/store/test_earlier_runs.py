"""The completed runs before a run: those of its eval, in order."""

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.counts import ResultCounts
from evald.store import runs as run_store
from evald.store.database import Database
from evald.store.earlier_runs import EarlierRun, completed_before
from evald.store.tables import runs
from tests.store.records import new_run, saved_eval


async def a_run(database: Database, eval_id: str, created_at: int, status: str) -> str:
    """Give the id of a run that stands in this status, with one item for each second of its time."""
    new = new_run(eval_id, created_at=created_at)

    async def put(connection: AsyncConnection) -> None:
        await run_store.insert_run(connection, new)
        await connection.execute(
            update(runs).where(runs.c.id == new.id).values(status=status, passed=created_at)
        )

    await database.write(put)
    return new.id


async def test_only_completed_runs_of_the_same_eval_from_before_are_given(
    database: Database,
) -> None:
    ours, other = (await saved_eval(database)).id, (await saved_eval(database)).id
    first = await a_run(database, ours, 1, "completed")
    await a_run(database, ours, 2, "canceled")
    second = await a_run(database, ours, 3, "completed")
    await a_run(database, other, 3, "completed")
    this = await a_run(database, ours, 3, "in_progress")
    await a_run(database, ours, 4, "completed")

    found = await database.read(lambda connection: completed_before(connection, this, 20))

    assert found == (
        EarlierRun(first, "first", ResultCounts(passed=1)),
        EarlierRun(second, "first", ResultCounts(passed=3)),
    )


async def test_of_many_the_last_ones_are_given(database: Database) -> None:
    ours = (await saved_eval(database)).id
    ids = [await a_run(database, ours, number, "completed") for number in range(5)]

    found = await database.read(lambda connection: completed_before(connection, ids[4], 2))

    assert [each.id for each in found] == ids[2:4]
