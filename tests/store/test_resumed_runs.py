"""Runs that are queued again after their end: what is set back, what is taken away, and what stays."""

from functools import partial

import orjson
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.counts import CriterionCounts, ModelUsage, ResultCounts
from evald.contract.projects import DEFAULT_PROJECT
from evald.contract.runs import STATUSES, Regraded, Run, Status
from evald.errors import RunStopped
from evald.rules.status import Event
from evald.rules.tally import Counted, outcomes_of, tally
from evald.rules.verdict import Outcome
from evald.store import chunks as chunk_store
from evald.store import counters as counter_store
from evald.store import output_items as item_store
from evald.store import runs as run_store
from evald.store.database import Database
from evald.store.tables import chunks, runs
from tests.rules.moves import after
from tests.store.records import (
    Started,
    new_item,
    new_run,
    packed_rows,
    save_items,
    saved_eval,
    saved_run,
    started_run,
)

COST = ModelUsage("m", 1, 2, 3, 5, 0)


async def run_of(database: Database, run: Started) -> Run:
    return await database.read(
        lambda connection: run_store.get_run(connection, DEFAULT_PROJECT, run.eval_id, run.run_id)
    )


async def ended_run(database: Database) -> Started:
    """Give a run that was canceled with a passed, a failed and two errored items of eight rows."""
    run = await started_run(database)
    items = [
        new_item(0),
        new_item(1, "failed", "errored"),
        new_item(2, "errored", "passed", usage=[COST], error="no"),
        new_item(3, "errored", "errored", usage=[COST], error="no"),
    ]
    await database.write(partial(save_items, run=run, items=items))
    await database.write(
        lambda connection: run_store.move(
            connection, run.run_id, "cancel", calls_aborted=4, finished_at=3.5
        )
    )
    return run


async def reopen(database: Database, run_id: str, event: Event) -> bool:
    return await database.write(lambda connection: run_store.reopen_run(connection, run_id, event))


@pytest.mark.parametrize("event", ["resume", "retry"])
@pytest.mark.parametrize("status", STATUSES)
async def test_a_run_is_reopened_where_the_table_says_and_a_completed_one_only_for_its_errors(
    database: Database, status: Status, event: Event
) -> None:
    eval_id = (await saved_eval(database)).id
    for errored in (0, 1):
        run_id = await saved_run(database, eval_id)
        changes = update(runs).where(runs.c.id == run_id).values(status=status, errored=errored)
        await database.write(partial(AsyncConnection.execute, statement=changes))

        moved = await reopen(database, run_id, event)

        has_work = status != "completed" or errored > 0
        assert moved == (has_work and after(status, event) != status)


async def test_a_reopened_run_is_as_if_it_had_not_ended_and_knows_how_long_it_took(
    database: Database,
) -> None:
    run = await ended_run(database)
    before = await run_of(database, run)

    assert await reopen(database, run.run_id, "resume")

    again = await run_of(database, run)
    assert (before.status, again.status, again.error) == ("canceled", "queued", None)
    assert (again.started_at, again.finished_at, again.calls_aborted) == (None, None, 0)
    assert (again.resumes, again.seconds_before) == (1, 2.5)
    assert (again.counts, again.criteria, again.usage) == (
        before.counts,
        before.criteria,
        before.usage,
    )


async def test_the_time_of_a_run_that_ended_before_it_started_again_is_counted_once(
    database: Database,
) -> None:
    run = await ended_run(database)
    await reopen(database, run.run_id, "resume")
    await database.write(
        lambda connection: run_store.move(connection, run.run_id, "cancel", finished_at=99.0)
    )

    await reopen(database, run.run_id, "retry")

    again = await run_of(database, run)
    assert (again.resumes, again.seconds_before) == (2, 2.5)


async def test_a_save_under_a_claim_from_before_the_resume_is_refused(database: Database) -> None:
    run = await ended_run(database)

    async def resume_and_start(connection: AsyncConnection) -> None:
        await run_store.reopen_run(connection, run.run_id, "resume")
        await chunk_store.release_chunks(connection, run.run_id)
        await run_store.move(connection, run.run_id, "start")

    await database.write(resume_and_start)

    with pytest.raises(RunStopped):
        await database.write(partial(save_items, run=run, items=[new_item(7)]))
    claims = select(chunks.c.claim).where(chunks.c.run_id == run.run_id)
    found = await database.read(lambda connection: connection.execute(claims))
    assert list(found.scalars()) == [None]


async def test_errored_items_go_with_their_counts_and_what_they_cost_stays(
    database: Database,
) -> None:
    run = await ended_run(database)

    async def retry(connection: AsyncConnection) -> int:
        taken = [Counted("error", outcomes, ()) for outcomes in OUTCOMES]
        await counter_store.take_from_counters(connection, run.run_id, tally(taken, 2))
        return await item_store.delete_errored(connection, run.run_id)

    removed = await database.write(retry)

    left = await run_of(database, run)
    assert (removed, left.counts) == (2, ResultCounts(passed=1, failed=1))
    assert [counts for _, counts in left.criteria] == [
        CriterionCounts(passed=1, failed=1),
        CriterionCounts(passed=1, errored=1),
    ]
    assert left.usage == (COST.plus(COST),)
    rows = await database.read(lambda connection: chunk_store.rows_to_do(connection, run.run_id, 0))
    assert [row.index for row in rows] == [2, 3, 4, 5, 6, 7]


OUTCOMES: list[tuple[Outcome, Outcome]] = [("errored", "passed"), ("errored", "errored")]


async def test_errored_items_are_read_some_at_a_time_in_the_order_of_saving(
    database: Database,
) -> None:
    run, other = await ended_run(database), await ended_run(database)
    seen, seq = [], 0

    while some := await database.read(
        partial(item_store.errored_behind, run_id=run.run_id, seq=seq, limit=1)
    ):
        assert len(some) == 1
        seq = some[0][0]
        seen.append(orjson.loads(some[0][1])["datasource_item_id"])

    assert seen == [2, 3]
    assert (await run_of(database, other)).counts.errored == 2


async def test_rows_are_found_by_their_numbers_across_chunks(database: Database) -> None:
    run = await started_run(database, rows=3)
    more = packed_rows(4, position=1, first_row=3)
    await database.write(lambda connection: chunk_store.insert_chunk(connection, run.run_id, more))

    for first, last in ((0, 6), (1, 2), (2, 3), (3, 3), (6, 9), (7, 9)):
        found = await database.read(
            partial(chunk_store.rows_between, run_id=run.run_id, first=first, last=last)
        )
        numbers = list(range(first, min(last, 6) + 1))
        assert [(row.index, row.item) for row in found] == [(n, {"n": n}) for n in numbers]


async def test_the_items_of_a_run_are_counted(database: Database) -> None:
    run = await ended_run(database)

    assert await database.read(partial(item_store.count_items, run_id=run.run_id)) == 4
    assert await database.read(partial(item_store.count_items, run_id="absent")) == 0


async def test_whose_samples_a_run_grades_is_kept_with_it(database: Database) -> None:
    eval_id = (await saved_eval(database)).id
    source = Regraded("eval_1", "evalrun_1", items=5, last=9, was_sampled=True)
    new = new_run(eval_id, regrade_of=source)
    await database.write(lambda connection: run_store.insert_run(connection, new))

    run = await run_of(database, Started(eval_id, new.id, ""))
    plan = await database.read(lambda connection: run_store.get_plan(connection, new.id))

    assert plan is not None
    assert (run.regrade_of, plan.regrade_of) == (source, source)
    assert await database.read(lambda connection: run_store.is_there(connection, new.id))
    assert not await database.read(lambda connection: run_store.is_there(connection, "absent"))


@pytest.mark.parametrize(
    ("results", "outcomes"),
    [
        ([{"passed": True}, {"passed": False}], ("passed", "failed")),
        ([{"passed": False, "error": {"code": "x"}}], ("errored",)),
        ([{"passed": True, "error": None}, "odd"], ("passed", "errored")),
        (None, ()),
    ],
)
def test_the_results_of_a_saved_item_count_as_they_did(
    results: object, outcomes: tuple[str, ...]
) -> None:
    assert outcomes_of({"results": results}) == outcomes  # type: ignore[dict-item]
