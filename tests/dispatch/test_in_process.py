"""The queue of runs inside one process, over a real store."""

import asyncio
import random
from collections.abc import AsyncIterator
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.projects import DEFAULT_PROJECT
from evald.dispatch.grace import Grace
from evald.dispatch.in_process import InProcessDispatch
from evald.errors import RunStopped
from evald.rules.status import is_final
from evald.runs.begin import prepared
from evald.runs.tools import Tools
from evald.sampling.connections import open_connections
from evald.sampling.sampler import ProviderSampler
from evald.sandbox.aside import ProcessAside
from evald.store import runs as run_store
from evald.store.database import Database, open_database
from evald.store.migrate import migrate
from evald.store.runs import RunPlan
from tests.store.records import saved_eval, saved_run

WITHIN_S = 60


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = open_database(f"sqlite+aiosqlite:///{tmp_path}/evald.db")
    await migrate(database)
    yield database
    await database.close()


@pytest.fixture
async def tools(database: Database) -> AsyncIterator[Tools]:
    """Tools whose clock tells in which order things were done."""
    moments = count(1)
    async with open_connections() as connections:
        yield Tools(
            database=database,
            sampler=ProviderSampler([], connections),
            embed=None,
            aside=ProcessAside(),
            clock=lambda: float(next(moments)),
            rows_at_once=1,
            max_error_rate=1.0,
        )


async def empty_runs(database: Database, number: int) -> list[str]:
    """Queue so many runs without rows, which are completed as soon as they are carried out."""
    eval_id = (await saved_eval(database, criteria=0)).id
    ids = [await saved_run(database, eval_id, criteria=0) for _ in range(number)]
    for run_id in ids:
        await database.write(partial(run_store.set_row_count, run_id=run_id, row_count=0))
    return ids


async def plan_of(database: Database, run_id: str) -> RunPlan:
    plan = await database.read(lambda connection: run_store.get_plan(connection, run_id))
    assert plan is not None
    return plan


async def completed(database: Database, *run_ids: str) -> None:
    """Wait until these runs are final."""
    async with asyncio.timeout(WITHIN_S):
        for run_id in run_ids:
            while not is_final((await plan_of(database, run_id)).status):
                pass  # every look lets the loop go on


async def finished_in_order(database: Database, run_ids: list[str]) -> list[str]:
    """Give the ids in the order in which the runs were finished."""
    moments: dict[str, float] = {}
    for run_id in run_ids:
        eval_id = (await plan_of(database, run_id)).eval_id
        run = await database.read(
            partial(run_store.get_run, project_id=DEFAULT_PROJECT, eval_id=eval_id, run_id=run_id)
        )
        assert run.finished_at is not None
        moments[run_id] = run.finished_at
    return sorted(run_ids, key=lambda run_id: moments[run_id])


async def test_runs_are_carried_out_in_the_order_in_which_they_came(tools: Tools) -> None:
    first, second, third, fourth = runs = await empty_runs(tools.database, 4)
    dispatch = InProcessDispatch(tools, runs_at_once=1)
    for run_id in (third, first, fourth, third, second):
        dispatch.wake(run_id)

    assert await dispatch.stop(first) == 0
    dispatch.wake(first)
    await completed(tools.database, *runs)

    assert await finished_in_order(tools.database, runs) == [third, fourth, second, first]


async def test_a_hundred_thousand_runs_wait_and_are_stopped_anywhere_in_the_queue(
    tools: Tools,
) -> None:
    stopped, kept = await empty_runs(tools.database, 2)
    dispatch = InProcessDispatch(tools, runs_at_once=1)
    others = [f"evalrun_{number}" for number in range(100_000)]
    for run_id in (*others, stopped, kept):
        dispatch.wake(run_id)
        dispatch.wake(run_id)

    to_stop = [*others[1:], stopped]
    random.shuffle(to_stop)
    for run_id in to_stop:
        assert await dispatch.stop(run_id) == 0
    await completed(tools.database, kept)

    assert (await plan_of(tools.database, stopped)).status == "queued"


async def test_resume_takes_up_every_unfinished_run_and_gives_their_number(tools: Tools) -> None:
    done, *unfinished = await empty_runs(tools.database, 4)
    first = InProcessDispatch(tools, runs_at_once=1)
    first.wake(done)
    await completed(tools.database, done)

    resumed = await InProcessDispatch(tools, runs_at_once=2).resume()

    assert resumed == 3
    await completed(tools.database, *unfinished)
    assert await finished_in_order(tools.database, [*unfinished, done]) == [done, *unfinished]


async def test_a_dispatch_that_is_closed_begins_no_run(tools: Tools) -> None:
    runs = await empty_runs(tools.database, 3)
    dispatch = InProcessDispatch(tools, runs_at_once=1)
    for run_id in runs[:2]:
        dispatch.wake(run_id)

    await dispatch.close(Grace(0))
    dispatch.wake(runs[2])
    await asyncio.sleep(0)

    assert [(await plan_of(tools.database, run_id)).status for run_id in runs] == ["queued"] * 3


async def test_a_process_that_lost_a_run_while_it_read_its_rows_does_not_fail_it(
    tools: Tools, database: Database
) -> None:
    run_id = await saved_run(database, (await saved_eval(database, criteria=0)).id, criteria=0)
    plan = await database.read(partial(run_store.get_plan, run_id=run_id))
    assert plan is not None
    asked = count(1)

    async def still_ours(connection: AsyncConnection) -> None:
        if next(asked) > 2:  # it was when the rows were removed, and when what was read was saved
            raise RunStopped(run_id)

    with pytest.raises(RunStopped):
        await prepared(plan, tools, still_ours)  # its file has no rows

    now = await database.read(partial(run_store.get_plan, run_id=run_id))
    assert now is not None
    assert now.status == "queued"
