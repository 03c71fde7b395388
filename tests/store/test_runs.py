"""Runs in the store: every move in one statement, along the table and not beside it."""

from dataclasses import replace
from functools import partial
from typing import get_args

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.counts import CriterionCounts, ResultCounts
from evald.contract.projects import DEFAULT_PROJECT
from evald.contract.runs import STATUSES, Run, RunError, Status
from evald.errors import NotFound
from evald.rules.status import Event
from evald.store import runs as run_store
from evald.store.database import Database
from evald.store.tables import runs
from tests.rules.moves import after
from tests.store.records import (
    Started,
    new_item,
    new_run,
    save_items,
    saved_eval,
    saved_run,
    started_run,
)


async def run_of(database: Database, eval_id: str, run_id: str) -> Run:
    return await database.read(
        lambda connection: run_store.get_run(connection, DEFAULT_PROJECT, eval_id, run_id)
    )


async def put_into(database: Database, run_id: str, status: Status) -> None:
    async def put(connection: AsyncConnection) -> None:
        await connection.execute(update(runs).where(runs.c.id == run_id).values(status=status))

    await database.write(put)


async def test_a_new_run_is_queued_with_all_counts_at_zero(database: Database) -> None:
    eval_id = (await saved_eval(database)).id
    new = replace(new_run(eval_id, created_at=7), metadata=None, model=None)

    await database.write(lambda connection: run_store.insert_run(connection, new))

    assert await run_of(database, eval_id, new.id) == Run(
        id=new.id,
        eval_id=eval_id,
        name="first",
        model=None,
        status="queued",
        created_at=7,
        data_source_text=new.data_source_text,
        metadata=None,
        error=None,
        counts=ResultCounts(),
        criteria=(("criterion-0", CriterionCounts()), ("criterion-1", CriterionCounts())),
        usage=(),
        row_count=None,
        calls_aborted=0,
        started_at=None,
        finished_at=None,
    )


async def test_a_run_without_criteria_has_no_counts_of_criteria(database: Database) -> None:
    eval_id = (await saved_eval(database, criteria=0)).id
    run_id = await saved_run(database, eval_id, criteria=0)

    assert (await run_of(database, eval_id, run_id)).criteria == ()


@pytest.mark.parametrize("event", get_args(Event))
@pytest.mark.parametrize("status", STATUSES)
async def test_a_move_goes_where_the_table_says_and_says_whether_it_went(
    database: Database, status: Status, event: Event
) -> None:
    eval_id = (await saved_eval(database)).id
    run_id = await saved_run(database, eval_id)
    await put_into(database, run_id, status)

    moved = await database.write(lambda connection: run_store.move(connection, run_id, event))

    assert (await run_of(database, eval_id, run_id)).status == after(status, event)
    assert moved == (after(status, event) != status)


async def test_a_move_sets_its_columns_with_the_status_or_not_at_all(database: Database) -> None:
    eval_id = (await saved_eval(database)).id
    run_id = await saved_run(database, eval_id)

    async def fail(connection: AsyncConnection) -> None:
        for code in ("first", "second"):
            why = {"error_code": code, "error_message": f"the {code}"}
            await run_store.move(connection, run_id, "fail", finished_at=5.5, **why)

    await database.write(fail)

    run = await run_of(database, eval_id, run_id)
    assert (run.error, run.finished_at) == (RunError("first", "the first"), 5.5)


async def test_a_move_of_a_run_that_is_gone_moves_nothing(database: Database) -> None:
    assert not await database.write(
        lambda connection: run_store.move(connection, "evalrun_absent", "cancel")
    )


async def test_only_one_of_two_moves_at_once_wins(database: Database) -> None:
    run = await started_run(database, rows=0)

    async def both(connection: AsyncConnection) -> list[bool]:
        completed = await run_store.complete_run(connection, run.run_id, 2.0)
        return [completed, await run_store.move(connection, run.run_id, "cancel")]

    assert await database.write(both) == [True, False]


async def complete(database: Database, run: Started) -> bool:
    return await database.write(
        lambda connection: run_store.complete_run(connection, run.run_id, 2.0)
    )


async def test_a_run_completes_only_when_every_row_has_its_item(database: Database) -> None:
    run = await started_run(database, rows=2)

    ended = [await complete(database, run)]
    for row in range(2):
        items = [new_item(row, "errored", "failed" if row else "errored")]
        await database.write(partial(save_items, run=run, items=items))
        ended.append(await complete(database, run))

    assert ended == [False, False, True]
    completed = await run_of(database, run.eval_id, run.run_id)
    assert (completed.status, completed.finished_at) == ("completed", 2.0)
    assert completed.counts == ResultCounts(failed=1, errored=1)


async def test_a_run_whose_rows_are_not_read_yet_does_not_complete(database: Database) -> None:
    eval_id = (await saved_eval(database)).id
    run_id = await saved_run(database, eval_id)
    await database.write(lambda connection: run_store.move(connection, run_id, "start"))

    assert not await database.write(
        lambda connection: run_store.complete_run(connection, run_id, 2.0)
    )


async def test_a_run_is_found_only_in_its_own_eval(database: Database) -> None:
    run = await started_run(database)
    other = await saved_eval(database)

    for eval_id, run_id in ((other.id, run.run_id), (run.eval_id, "evalrun_absent")):
        with pytest.raises(NotFound) as missing:
            await run_of(database, eval_id, run_id)
        with pytest.raises(NotFound):
            await database.read(
                partial(
                    run_store.check_run, project_id=DEFAULT_PROJECT, eval_id=eval_id, run_id=run_id
                )
            )
        assert missing.value.param == "run_id"


async def test_the_plan_of_a_run_has_what_carrying_it_out_needs(database: Database) -> None:
    of_eval = await saved_eval(database)
    run_id = await saved_run(database, of_eval.id, created_at=7, unread_file_id="file-1")

    plan = await database.read(lambda connection: run_store.get_plan(connection, run_id))

    assert plan == run_store.RunPlan(
        run_id=run_id,
        project_id=DEFAULT_PROJECT,
        eval_id=of_eval.id,
        created_at=7,
        status="queued",
        row_count=None,
        unread_file_id="file-1",
        testing_criteria=tuple(of_eval.testing_criteria),
        data_source={"type": "completions", "model": "m"},
        item_schema={"type": "object"},
    )


async def test_a_run_that_is_gone_has_no_plan(database: Database) -> None:
    assert await database.read(lambda connection: run_store.get_plan(connection, "absent")) is None


async def test_once_the_rows_are_read_the_file_is_not_needed(database: Database) -> None:
    eval_id = (await saved_eval(database)).id
    run_id = await saved_run(database, eval_id, unread_file_id="file-1")

    await database.write(lambda connection: run_store.set_row_count(connection, run_id, 3))

    plan = await database.read(lambda connection: run_store.get_plan(connection, run_id))
    assert plan is not None
    assert (plan.row_count, plan.unread_file_id) == (3, None)


async def test_unfinished_runs_are_the_queued_and_the_started_in_the_order_they_came(
    database: Database,
) -> None:
    eval_id = (await saved_eval(database)).id
    ids = [await saved_run(database, eval_id, created_at=9 - place) for place in range(5)]
    for run_id, status in zip(ids, STATUSES, strict=True):
        await put_into(database, run_id, status)

    unfinished = await database.read(run_store.unfinished_runs)

    assert unfinished == ids[:2]
    of_eval = await database.read(lambda connection: run_store.run_ids_of_eval(connection, eval_id))
    assert sorted(of_eval) == sorted(ids[:2])
