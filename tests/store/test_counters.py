"""The counters of a run always equal its output items, whatever is saved, refused or canceled."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.counts import CriterionCounts, ModelUsage, ResultCounts
from evald.contract.projects import DEFAULT_PROJECT
from evald.contract.runs import Run
from evald.errors import RunStopped
from evald.rules.status import Event
from evald.rules.tally import tally
from evald.rules.verdict import Outcome
from evald.store import chunks as chunk_store
from evald.store import counters as counter_store
from evald.store import runs as run_store
from evald.store.database import Database
from evald.store.output_items import NewItem
from evald.store.tables import output_items
from tests.store.records import CRITERIA, Started, new_item, save_items, started_run

ROWS = 6
OUTCOMES = st.tuples(*[st.sampled_from(get_args(Outcome))] * CRITERIA)
USAGE = st.builds(
    lambda model, tokens: ModelUsage(model, 1, tokens, 1, tokens + 1, 0),
    st.sampled_from(["small", "large"]),
    st.integers(0, 2**40),
)


@dataclass(frozen=True)
class Save:
    """Save some rows, under the claim that holds or under one that was lost."""

    rows: list[tuple[int, tuple[Outcome, ...], list[ModelUsage]]]
    claim_is_lost: bool


SAVES = st.builds(
    Save,
    st.lists(
        st.tuples(st.integers(0, ROWS - 1), OUTCOMES, st.lists(USAGE, max_size=2)),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from([False, False, False, True]),
)
STEPS = st.lists(SAVES | st.sampled_from(["cancel", "complete", "claim anew"]), max_size=10)


async def run_now(database: Database, run: Started) -> Run:
    return await database.read(
        lambda connection: run_store.get_run(connection, DEFAULT_PROJECT, run.eval_id, run.run_id)
    )


async def saved_statuses(database: Database, run: Started) -> dict[int, str]:
    async def read(connection: AsyncConnection) -> dict[int, str]:
        found = await connection.execute(
            select(output_items.c.row_index, output_items.c.status).where(
                output_items.c.run_id == run.run_id
            )
        )
        return {row.row_index: row.status for row in found}

    return await database.read(read)


async def try_save(database: Database, run: Started, items: list[NewItem]) -> bool:
    try:
        await database.write(lambda connection: save_items(connection, run, items))
    except (RunStopped, IntegrityError):
        return False
    return True


@given(STEPS)
async def test_counts_equal_rows_after_any_sequence_of_steps(
    database: Database, steps: list[Save | str]
) -> None:
    run = await started_run(database, ROWS)
    kept: dict[int, NewItem] = {}
    status = "in_progress"

    for step in steps:
        if isinstance(step, Save):
            items = [new_item(row, *judged, usage=used) for row, judged, used in step.rows]
            claim = "lost" if step.claim_is_lost else run.claim
            fresh = len({item.row_index for item in items} - set(kept)) == len(items)
            may_be_saved = status == "in_progress" and fresh and not step.claim_is_lost
            assert await try_save(database, replace(run, claim=claim), items) == may_be_saved
            kept |= {item.row_index: item for item in items} if may_be_saved else {}
        else:
            run, status = await other_step(database, run, step, status, len(kept) == ROWS)
        await check(database, run, kept, status)


async def other_step(
    database: Database, run: Started, step: str, status: str, all_saved: bool
) -> tuple[Started, str]:
    if step == "claim anew":
        run = replace(run, claim=run.claim + "'")
        await database.write(
            lambda connection: chunk_store.claim_chunk(connection, run.run_id, 0, run.claim)
        )
    elif step == "cancel":
        moved = await database.write(
            lambda connection: run_store.move(connection, run.run_id, "cancel")
        )
        assert moved == (status == "in_progress")
        status = "canceled" if moved else status
    else:
        moved = await database.write(
            lambda connection: run_store.complete_run(connection, run.run_id, 2.0)
        )
        assert moved == (status == "in_progress" and all_saved)
        status = "completed" if moved else status
    return run, status


async def check(database: Database, run: Started, kept: dict[int, NewItem], status: str) -> None:
    added = tally([item.counted for item in kept.values()], CRITERIA)

    now = await run_now(database, run)

    assert (now.status, now.counts) == (status, added.counts)
    assert [counts for _, counts in now.criteria] == list(added.criteria)
    assert Counter(now.usage) == Counter(added.usage)
    assert await saved_statuses(database, run) == {
        row: item.counted.status for row, item in kept.items()
    }


@pytest.mark.parametrize("event", ["cancel", "fail"])
async def test_a_run_that_ended_takes_no_item_and_keeps_its_counts(
    database: Database, event: Event
) -> None:
    run = await started_run(database)
    await database.write(lambda connection: save_items(connection, run, [new_item(0)]))
    await database.write(lambda connection: run_store.move(connection, run.run_id, event))

    with pytest.raises(RunStopped):
        await database.write(lambda connection: save_items(connection, run, [new_item(1)]))

    assert (await run_now(database, run)).counts == ResultCounts(passed=1)
    assert await saved_statuses(database, run) == {0: "pass"}


async def test_a_claim_that_another_took_over_saves_nothing(database: Database) -> None:
    run = await started_run(database)
    await database.write(
        lambda connection: chunk_store.claim_chunk(connection, run.run_id, 0, "another")
    )

    with pytest.raises(RunStopped):
        await database.write(lambda connection: save_items(connection, run, [new_item(0)]))

    assert (await run_now(database, run)).counts == ResultCounts()
    assert await saved_statuses(database, run) == {}


async def test_a_claim_on_one_chunk_is_none_on_another(database: Database) -> None:
    run = await started_run(database)
    added = tally([new_item(0).counted], CRITERIA)

    with pytest.raises(RunStopped):
        await database.write(
            lambda connection: counter_store.add_to_counters(
                connection, run.run_id, 1, run.claim, added
            )
        )


async def test_a_second_item_for_a_row_rolls_its_whole_batch_back(database: Database) -> None:
    run = await started_run(database)
    usage = [ModelUsage("m", 1, 5, 2, 7, 0)]
    first = new_item(3, "passed", "failed", usage=usage)
    await database.write(lambda connection: save_items(connection, run, [first]))
    batch = [new_item(2, usage=usage), new_item(3, usage=usage)]

    with pytest.raises(IntegrityError):
        await database.write(lambda connection: save_items(connection, run, batch))

    now = await run_now(database, run)
    assert now.counts == ResultCounts(failed=1)
    assert [counts for _, counts in now.criteria] == [
        CriterionCounts(passed=1),
        CriterionCounts(failed=1),
    ]
    assert now.usage == (ModelUsage("m", 1, 5, 2, 7, 0),)
    assert await saved_statuses(database, run) == {3: "fail"}


async def test_usage_adds_up_for_each_model_beyond_32_bits(database: Database) -> None:
    run = await started_run(database)
    for row in range(3):
        item = new_item(
            row, usage=[ModelUsage("b", 1, 2**52, 0, 2**52, 1), ModelUsage("a", 1, 1, 1, 2, 0)]
        )
        await try_save(database, run, [item])

    assert (await run_now(database, run)).usage == (
        ModelUsage("a", 3, 3, 3, 6, 0),
        ModelUsage("b", 3, 3 * 2**52, 0, 3 * 2**52, 3),
    )


async def test_two_runs_of_an_eval_do_not_share_counters(database: Database) -> None:
    first = await started_run(database)
    second = await started_run(database, eval_id=first.eval_id)

    await database.write(lambda connection: save_items(connection, first, [new_item(0)]))

    assert (await run_now(database, first)).counts == ResultCounts(passed=1)
    assert (await run_now(database, second)).counts == ResultCounts()
