"""The index of a run follows what is saved, removed and deleted; its figures equal a recount."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from evald.rules.item_query import ItemQuery
from evald.rules.verdict import Outcome
from evald.store import item_counts
from evald.store import output_items as item_store
from evald.store import runs as run_store
from evald.store.database import Database
from evald.store.index_tables import (
    item_facts,
    item_index,
    item_scores,
    item_texts,
    run_bins,
    run_reasons,
)
from evald.store.item_figures import RunFigures, figures_of
from evald.store.item_search import find_items
from evald.store.output_items import NewItem
from tests.store.indexing import Made, counted, facts_of_all, indexed, made_item
from tests.store.records import CRITERIA, Started, save_items, started_run

ROWS = 12
PASSED: tuple[Outcome, ...] = ("passed", "passed")
TABLES = (item_index, item_facts, item_texts, item_scores, run_bins, run_reasons)

outcomes: st.SearchStrategy[Outcome] = st.sampled_from(["passed", "failed", "errored"])
made_items = st.builds(
    Made,
    st.integers(0, ROWS - 1),
    st.tuples(outcomes, outcomes),
    scores=st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.floats(-2, 2)),
    latency_ms=st.none() | st.floats(0, 1e5),
    tokens=st.integers(0, 10**6),
    attempts=st.integers(0, 3),
    error=st.none() | st.sampled_from(["rate limit, try again in 3 s", "gone"]),
)
steps = st.lists(
    st.lists(made_items, max_size=4, unique_by=lambda made: made.row)
    | st.sampled_from(["retry", "index"]),
    max_size=8,
)


async def save(database: Database, run: Started, items: Sequence[NewItem]) -> None:
    await database.write(lambda connection: save_items(connection, run, items))


async def retry(database: Database, run: Started) -> None:
    await database.write(lambda connection: item_store.delete_errored(connection, run.run_id))


async def figures(database: Database, run: Started) -> RunFigures:
    found = await database.read(lambda connection: figures_of(connection, run.run_id))
    return replace(found, reasons=tuple(sorted(found.reasons, key=lambda reason: reason.key)))


async def recount(database: Database, run: Started) -> RunFigures:
    facts = await database.read(lambda connection: facts_of_all(connection, run.run_id))
    found = counted(list(facts.values()))
    return replace(found, reasons=tuple(sorted(found.reasons, key=lambda reason: reason.key)))


async def left(database: Database) -> dict[str, int]:
    async def counts(connection):  # type: ignore[no-untyped-def]
        return {
            table.name: (
                await connection.execute(select(func.count()).select_from(table))
            ).scalar_one()
            for table in TABLES
        }

    return await database.read(counts)


@settings(max_examples=25)
@given(steps)
async def test_figures_equal_a_recount_after_any_order_of_saves_retries_and_indexing(
    database: Database, steps: list[list[Made] | Literal["retry", "index"]]
) -> None:
    run = await started_run(database, rows=ROWS)
    there: dict[int, NewItem] = {}

    for step in steps:
        if step == "index":
            await indexed(database)
        elif step == "retry":
            await retry(database, run)
            there = {row: item for row, item in there.items() if item.counted.status != "error"}
        else:
            new = [made_item(made) for made in step if made.row not in there]
            there.update({item.row_index: item for item in new})
            if new:
                await save(database, run, new)
    await indexed(database)

    assert await figures(database, run) == await recount(database, run)


async def test_what_was_removed_is_found_no_more_before_the_index_is_behind(
    database: Database,
) -> None:
    run = await started_run(database)
    await save(
        database, run, [made_item(Made(0, PASSED, error="gone")), made_item(Made(1, PASSED))]
    )
    await indexed(database)

    await retry(database, run)

    found = await database.read(
        lambda connection: find_items(
            connection, run.run_id, ItemQuery(text="ticket"), after=None, before=None, limit=5
        )
    )
    assert len(found.items) == 1


async def test_of_a_deleted_run_nothing_stays_in_the_index(database: Database) -> None:
    kept, gone = await started_run(database), await started_run(database)
    for run in (kept, gone):
        await save(database, run, [made_item(Made(row, PASSED)) for row in range(3)])
    await indexed(database)

    await database.write(lambda connection: run_store.delete_run(connection, gone.run_id))
    await indexed(database)

    assert (await figures(database, kept)).indexed == 3
    assert await left(database) == {
        "item_index": 1,
        "item_facts": 3,
        "item_texts": 3,
        "item_scores": 3 * CRITERIA,
        "run_bins": 2 + CRITERIA,
        "run_reasons": 0,
    }


async def test_a_run_with_too_many_reasons_counts_the_others_under_a_plainer_one(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(item_counts, "MOST_REASONS", 2)
    run = await started_run(database)
    names = ["one", "two", "three", "four"]
    await save(
        database,
        run,
        [
            made_item(Made(row, ("errored", "errored"), error=name))
            for row, name in enumerate(names)
        ],
    )

    await indexed(database)

    reasons = (await figures(database, run)).reasons
    assert sorted((each.label, each.count) for each in reasons) == [
        ("Other errors", 2),
        ("one", 1),
        ("two", 1),
    ]
