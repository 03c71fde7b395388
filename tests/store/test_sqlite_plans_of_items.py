"""How SQLite finds pages of items: by an index, never through all items of all runs."""

from functools import partial

import pytest

from evald.rules.item_query import ItemQuery, Range, Sort
from evald.store import item_plans
from evald.store.database import Database
from evald.store.item_pending import active_behind, look
from evald.store.item_search import find_items
from tests.store.indexing import Made, indexed, made_item
from tests.store.plans import plans
from tests.store.records import Started, save_items, started_run

FAILED = ItemQuery(status="fail")
WHOLE = ("SCAN output_items", "SCAN item_facts", "SCAN item_scores", "SCAN item_texts", "SCAN runs")


@pytest.fixture
async def run(database: Database) -> Started:
    run = await started_run(database)
    items = [made_item(Made(row, ("failed", "passed"))) for row in range(3)]
    await database.write(lambda connection: save_items(connection, run, items))
    await indexed(database)
    return run


@pytest.mark.parametrize(
    ("query", "cursor", "step"),
    [
        (ItemQuery(), "row~1", "COVERING INDEX sqlite_autoindex_output_items_2 (run_id=? AND row"),
        (ItemQuery(text="ticket"), "row~0", "item_search VIRTUAL TABLE INDEX"),
        (FAILED, "row~0", "item_search VIRTUAL TABLE INDEX"),
        (ItemQuery(sort=Sort("latency")), "latency~1.0~0", "latency_ms_key (run_seq=? AND"),
        (
            ItemQuery(status="fail", sort=Sort("tokens")),
            "tokens~1.0~0",
            "tokens_key (run_seq=? AND",
        ),
        (ItemQuery(sort=Sort("score")), "score0~0.5~0", "item_scores USING PRIMARY KEY (run_seq=?"),
        (ItemQuery(tokens=Range(0, 500)), "row~0", "item_facts USING INTEGER PRIMARY KEY (rowid"),
    ],
)
async def test_a_page_of_items_is_found_by_its_index(
    database: Database,
    run: Started,
    query: ItemQuery,
    cursor: str,
    step: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(item_plans, "SMALL_SET", -1)  # read in order

    steps = await plans(
        database,
        partial(find_items, run_id=run.run_id, query=query, after=cursor, before=None, limit=5),
    )

    assert any(step in each for each in steps), steps
    assert not any("TEMP B-TREE" in each for each in steps), steps
    assert not any(each.startswith(WHOLE) for each in steps), steps


async def test_what_many_items_have_is_looked_for_in_the_order_of_the_list(
    database: Database, run: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(item_plans, "COMMON", -1)
    query = ItemQuery(text="ticket", sort=Sort("latency"))

    steps = await plans(
        database,
        partial(find_items, run_id=run.run_id, query=query, after=None, before=None, limit=5),
    )

    assert any("item_texts USING INTEGER PRIMARY KEY (rowid=?)" in each for each in steps), steps
    assert not any("TEMP B-TREE" in each for each in steps), steps
    assert not any(each.startswith(WHOLE) for each in steps), steps


async def test_a_look_for_something_to_do_goes_through_no_table(
    database: Database, run: Started
) -> None:
    steps = await plans(database, look) + await plans(database, active_behind)

    tables = ("SCAN runs", "SCAN item_index", "SCAN evals")
    assert not any(each.startswith(tables) for each in steps), steps
    assert not any("TEMP B-TREE" in each for each in steps[:4]), steps
