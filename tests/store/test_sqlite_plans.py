"""How SQLite carries out the hot statements: by an index, never through a whole table."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.counts import ModelUsage
from evald.contract.projects import DEFAULT_PROJECT
from evald.rules.tally import tally
from evald.rules.verdict import ItemStatus
from evald.store import api_keys as api_key_store
from evald.store import chunks as chunk_store
from evald.store import counters as counter_store
from evald.store import evals as eval_store
from evald.store import files as file_store
from evald.store import idempotency_keys as key_store
from evald.store import output_items as item_store
from evald.store import runs as run_store
from evald.store import sessions as session_store
from evald.store import share_links as link_store
from evald.store.api_keys import NewKey
from evald.store.database import Database
from evald.store.earlier_runs import completed_before
from evald.store.evals import OrderBy
from evald.store.output_items import Snapshot
from evald.store.sessions import NewSession
from evald.store.share_links import ShareLink
from tests.store.plans import Statements, check_plan, page, plans, scans_a_big_table
from tests.store.records import (
    CRITERIA,
    Started,
    new_eval,
    new_file,
    new_item,
    save_items,
    started_run,
)


async def example(database: Database) -> tuple[Started, str]:
    """Give a run with an item, and the id of the item."""
    run, item = await started_run(database), new_item(0)
    await database.write(lambda connection: save_items(connection, run, [item]))
    return run, item.id


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("with_after", [True, False])
@pytest.mark.parametrize(
    ("changes", "index"),
    [
        ({"status": None}, "ix_output_items_run_id_seq (run_id=?"),
        ({"status": "fail"}, "ix_output_items_run_id_status_seq (run_id=? AND status=?"),
        ({"status": None, "by_row": True}, "(run_id=?"),
    ],
)
async def test_a_page_of_output_items_is_read_from_its_index(
    database: Database, order: str, with_after: bool, changes: dict[str, Any], index: str
) -> None:
    run, item_id = await example(database)
    asked = page(item_id if with_after else None, order)

    steps = await plans(
        database, partial(item_store.list_items, run_id=run.run_id, page=asked, **changes)
    )

    assert index in steps[-1]
    assert ("AND seq" in steps[-1] or "AND row_index" in steps[-1]) == with_after
    check_plan(steps)


async def test_errored_items_are_found_and_removed_by_their_index(database: Database) -> None:
    run, _ = await example(database)

    steps = await plans(
        database, partial(item_store.errored_behind, run_id=run.run_id, seq=0, limit=20)
    )
    steps += await plans(database, partial(item_store.delete_errored, run_id=run.run_id))

    of_items = [step for step in steps if "output_items" in step]
    assert of_items, steps
    assert all("ix_output_items_run_id_status_seq" in step for step in of_items)
    check_plan(steps)


@pytest.mark.parametrize("status", [None, "fail"])
async def test_a_stretch_of_a_snapshot_is_read_by_row(
    database: Database, status: ItemStatus | None
) -> None:
    run, _ = await example(database)
    snapshot = Snapshot(run.run_id, 1, status)

    steps = await plans(
        database, partial(item_store.items_behind, snapshot=snapshot, row=-1, limit=20)
    )

    assert len(steps) == 2
    assert all("(run_id=? AND row_index>?)" in step for step in steps)
    check_plan(steps)


async def test_the_end_of_a_snapshot_is_read_from_the_index(database: Database) -> None:
    run, _ = await example(database)

    steps = await plans(database, partial(item_store.snapshot_of, run_id=run.run_id, status=None))

    assert "ix_output_items_run_id_seq (run_id=?)" in steps[-1]
    check_plan(steps)


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("wanted", [None, "queued"])
async def test_a_page_of_runs_is_read_from_its_index(
    database: Database, order: str, wanted: str | None
) -> None:
    run, _ = await example(database)
    asked = page(run.run_id, order)

    steps = await plans(
        database,
        partial(run_store.list_runs, eval_id=run.eval_id, page=asked, wanted=wanted),  # type: ignore[arg-type]
    )

    assert any("ix_runs_eval_id_created_at_seq (eval_id=?" in step for step in steps)
    check_plan(steps)


@pytest.mark.parametrize("order_by", ["created_at", "updated_at"])
async def test_a_page_of_evals_is_read_from_its_index(
    database: Database, order_by: OrderBy
) -> None:
    run, _ = await example(database)

    steps = await plans(
        database,
        partial(
            eval_store.list_evals,
            project_id=DEFAULT_PROJECT,
            page=page(run.eval_id, "desc"),
            order_by=order_by,
        ),
    )

    assert f"ix_evals_project_id_{order_by}_seq (project_id=? AND {order_by}<?)" in steps[-1]
    check_plan(steps)


async def new_session(connection: AsyncConnection) -> None:
    key = NewKey("key_1", DEFAULT_PROJECT, "", "hash", "cdef", 1)
    await api_key_store.insert_key(connection, key)
    await session_store.insert_session(connection, NewSession("hash", "key_1", 9), 5)


STATEMENTS: dict[str, Callable[[Started, str], Statements]] = {
    "one eval": lambda run, _: partial(
        eval_store.get_eval, project_id=DEFAULT_PROJECT, eval_id=run.eval_id
    ),
    "one run": lambda run, _: partial(
        run_store.get_run, project_id=DEFAULT_PROJECT, eval_id=run.eval_id, run_id=run.run_id
    ),
    "the check of a run": lambda run, _: partial(
        run_store.check_run, project_id=DEFAULT_PROJECT, eval_id=run.eval_id, run_id=run.run_id
    ),
    "the plan of a run": lambda run, _: partial(run_store.get_plan, run_id=run.run_id),
    "the unfinished runs of an eval": lambda run, _: partial(
        run_store.run_ids_of_eval, eval_id=run.eval_id
    ),
    "one output item": lambda run, item_id: partial(
        item_store.get_item, run_id=run.run_id, item_id=item_id
    ),
    "the chunks that are open": lambda run, _: partial(
        chunk_store.open_positions, run_id=run.run_id
    ),
    "the rows to do": lambda run, _: partial(chunk_store.rows_to_do, run_id=run.run_id, position=0),
    "a claim": lambda run, _: partial(
        chunk_store.claim_chunk, run_id=run.run_id, position=0, claim=run.claim
    ),
    "a save": lambda run, _: partial(
        counter_store.add_to_counters,
        run_id=run.run_id,
        position=0,
        claim=run.claim,
        added=tally([new_item(1, usage=[ModelUsage("m", 1, 1, 1, 2, 0)]).counted], CRITERIA),
    ),
    "the end of a run": lambda run, _: partial(
        run_store.complete_run, run_id=run.run_id, finished_at=1.0
    ),
    "a cancel": lambda run, _: partial(run_store.move, run_id=run.run_id, event="cancel"),
    "a purge of files": lambda _, __: file_store.purge_files,
    "an expiry of files": lambda _, __: partial(file_store.expire_files, now=5.0),
    "a known key": lambda _, __: partial(
        key_store.find_key, project_id=DEFAULT_PROJECT, route="/evals", key="key", now=100_000.0
    ),
    "an expiry of keys": lambda _, __: partial(key_store.expire_keys, now=100_000.0),
    "a session": lambda _, __: partial(
        session_store.key_of_session, session_hash="hash", now=100_000.0
    ),
    "the end of a session": lambda _, __: partial(
        session_store.delete_session, session_hash="hash"
    ),
    "a new session": lambda _, __: new_session,
    "a part of a file": lambda _, __: partial(file_store.read_part, file_id="file-1", position=0),
    "a deleted run": lambda run, _: partial(run_store.delete_run, run_id=run.run_id),
    "a deleted eval": lambda run, _: partial(eval_store.delete_eval, eval_id=run.eval_id),
}


@pytest.mark.parametrize("statements", STATEMENTS.values(), ids=STATEMENTS)
async def test_a_hot_statement_finds_its_rows_by_an_index(
    database: Database, statements: Callable[[Started, str], Statements]
) -> None:
    run, item_id = await example(database)

    steps = await plans(database, statements(run, item_id))

    check_plan(steps)


async def test_unfinished_runs_are_found_without_looking_at_the_finished(
    database: Database,
) -> None:
    steps = await plans(database, run_store.unfinished_runs)

    assert any("ix_runs_status_seq (status=?" in step for step in steps)
    assert not any(scans_a_big_table(step) for step in steps)


async def test_the_errors_of_a_run_are_found_among_its_own_items(database: Database) -> None:
    run, _ = await example(database)

    steps = await plans(
        database, partial(item_store.most_common_errors, run_id=run.run_id, limit=3)
    )

    assert any("(run_id=?" in step for step in steps)
    assert not any(scans_a_big_table(step) for step in steps)


async def test_a_page_of_files_is_read_from_its_index(database: Database) -> None:
    file = new_file()
    await database.write(lambda connection: file_store.begin_upload(connection, file, "upload"))
    await database.write(
        lambda connection: file_store.finish_upload(connection, file.id, 1, "upload")
    )

    steps = await plans(
        database,
        partial(
            file_store.list_files,
            project_id=DEFAULT_PROJECT,
            page=page(file.id, "desc"),
            purpose="evals",
            now=1.0,
        ),
    )

    assert "ix_files_project_id_created_at_seq (project_id=? AND created_at<?)" in steps[-1]
    check_plan(steps)


async def test_a_scan_would_be_seen(database: Database) -> None:
    async def by_name(connection: AsyncConnection) -> None:
        await eval_store.insert_eval(connection, new_eval())
        await connection.exec_driver_sql("SELECT id FROM evals WHERE name = 'x' ORDER BY id")

    steps = await plans(database, by_name)

    assert any(scans_a_big_table(step) for step in steps)
    with pytest.raises(AssertionError):
        check_plan(steps)


async def test_the_completed_runs_before_a_run_are_found_by_the_index_of_their_eval(
    database: Database,
) -> None:
    run, _ = await example(database)

    steps = await plans(database, partial(completed_before, run_id=run.run_id, limit=20))

    assert any("ix_runs_eval_id_created_at_seq (eval_id=?" in step for step in steps), steps
    assert not any(scans_a_big_table(step) for step in steps), steps


async def test_share_links_are_found_by_their_run_and_by_their_id(database: Database) -> None:
    run, _ = await example(database)
    link = ShareLink("0" * 32, run.run_id, 1, 2)

    steps = await plans(database, partial(link_store.links_of_run, run_id=run.run_id, now=1))
    steps += await plans(database, partial(link_store.count_links, run_id=run.run_id, now=1))
    steps += await plans(database, partial(link_store.run_of_link, link_id=link.id, now=1))
    steps += await plans(database, partial(link_store.insert_link, new=link))

    check_plan(steps)
