"""What is deleted takes everything with it that belonged to it, and nothing else."""

from uuid import uuid4

import pytest
from sqlalchemy.exc import IntegrityError

from evald.contract.counts import ModelUsage
from evald.errors import RunStopped
from evald.store import evals as eval_store
from evald.store import files as file_store
from evald.store import runs as run_store
from evald.store import share_links as link_store
from evald.store.database import Database
from evald.store.share_links import ShareLink
from tests.store.records import (
    CRITERIA,
    Started,
    new_item,
    new_run,
    row_counts,
    save_items,
    saved_file,
    saved_key,
    started_run,
)


async def full_run(database: Database, eval_id: str | None = None) -> Started:
    run = await started_run(database, eval_id=eval_id)
    items = [new_item(row, usage=[ModelUsage("m", 1, 1, 1, 2, 0)]) for row in range(3)]
    await database.write(lambda connection: save_items(connection, run, items))
    await saved_key(database, run.eval_id, run.run_id)
    link = ShareLink(uuid4().hex, run.run_id, created_at=1, expires_at=2)
    await database.write(lambda connection: link_store.insert_link(connection, link))
    return run


ONE_RUN = {
    "projects": 1,
    "api_keys": 0,
    "sessions": 0,
    "evals": 1,
    "runs": 1,
    "run_data_sources": 1,
    "imported_runs": 0,
    "run_criteria": CRITERIA,
    "run_usage": 1,
    "chunks": 1,
    "output_items": 3,
    "idempotency_keys": 1,
    "files": 0,
    "file_parts": 0,
    "stored_completions": 0,
    "completion_tags": 0,
    "webhook_endpoints": 0,
    "webhook_deliveries": 0,
    "stored_responses": 0,
    "response_tags": 0,
    "deleted_responses": 0,
    "leases": 0,
    "provider_shares": 0,
    "provider_starts": 0,
    "item_index": 0,
    "item_facts": 0,
    "item_texts": 0,
    "item_scores": 0,
    "run_bins": 0,
    "run_reasons": 0,
    "share_links": 1,
    "server_secrets": 0,
}
EMPTY = {**dict.fromkeys(ONE_RUN, 0), "projects": 1}


async def test_a_deleted_run_leaves_nothing_behind_and_its_sister_alone(database: Database) -> None:
    run = await full_run(database)
    gone = await full_run(database, run.eval_id)

    await database.write(lambda connection: run_store.delete_run(connection, gone.run_id))

    assert await row_counts(database) == ONE_RUN


async def test_a_deleted_eval_takes_all_its_runs_and_no_other(database: Database) -> None:
    await full_run(database)
    gone = await full_run(database)
    await full_run(database, gone.eval_id)

    await database.write(lambda connection: eval_store.delete_eval(connection, gone.eval_id))

    assert await row_counts(database) == ONE_RUN


async def test_the_last_eval_leaves_an_empty_database(database: Database) -> None:
    run = await full_run(database)

    await database.write(lambda connection: eval_store.delete_eval(connection, run.eval_id))

    assert await row_counts(database) == EMPTY


async def test_a_deleted_file_takes_its_parts(database: Database) -> None:
    gone = await saved_file(database, [b"a", b"b"])
    await saved_file(database, [b"c"])

    await database.write(lambda connection: file_store.delete_file(connection, gone.id))

    counts = await row_counts(database)
    assert (counts["files"], counts["file_parts"]) == (1, 1)


async def test_a_run_that_was_deleted_takes_no_item_any_more(database: Database) -> None:
    run = await full_run(database)
    await database.write(lambda connection: run_store.delete_run(connection, run.run_id))

    with pytest.raises(RunStopped):
        await database.write(lambda connection: save_items(connection, run, [new_item(5)]))

    assert (await row_counts(database))["output_items"] == 0


async def test_nothing_is_saved_for_an_eval_or_a_file_that_is_not_there(database: Database) -> None:
    with pytest.raises(IntegrityError):
        await database.write(
            lambda connection: run_store.insert_run(connection, new_run("eval_absent"))
        )
    assert not await database.write(
        lambda connection: file_store.add_part(connection, "file-absent", 0, b"x", "upload")
    )

    assert await row_counts(database) == EMPTY
