"""What was there before there were projects goes to the default project, whole and in its order."""

from collections.abc import AsyncIterator
from functools import partial

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.projects import DEFAULT_PROJECT
from evald.contract.stored_completions import CompletionFilter
from evald.rules.paging import PageRequest
from evald.store import evals as eval_store
from evald.store import files as file_store
from evald.store import idempotency_keys as key_store
from evald.store import migrate as migration
from evald.store import output_items as item_store
from evald.store import runs as run_store
from evald.store import stored_completions as completion_store
from evald.store.database import Database, open_database
from evald.store.migrate import migrate
from tests.store.records import row_counts, saved_completion, saved_eval

ALL = PageRequest(None, 100, "asc")
CONFIG = '{"type":"custom","schema":{"properties":{"item":{"type":"object"}}}}'
CRITERIA = '[{"id":"exact-1"}]'
OLD_ROWS = [
    *[
        f"INSERT INTO evals VALUES ({seq}, 'eval_{seq}', 'e', 1, 1, '{CONFIG}', '{CRITERIA}', '{{}}')"
        for seq in (1, 2, 9)
    ],
    "INSERT INTO runs VALUES (1, 'evalrun_1', 'eval_9', 'r', 'm', 'completed', 1, '{}', NULL, NULL, "
    "NULL, NULL, 1, 1, 0, 0, 0, 1.0, 2.0)",
    "INSERT INTO run_data_sources VALUES ('evalrun_1', '{}')",
    "INSERT INTO run_criteria VALUES ('evalrun_1', 0, 1, 0, 0)",
    "INSERT INTO run_usage VALUES ('evalrun_1', 'm', 'sampling', 1, 1, 1, 2, 0)",
    "INSERT INTO chunks VALUES ('evalrun_1', 0, 0, 1, x'00', NULL)",
    "INSERT INTO output_items VALUES (1, 'outputitem_1', 'evalrun_1', 0, 'pass', NULL, '{}')",
    "INSERT INTO idempotency_keys VALUES ('/evals', 'k', 'hash', 'answer', 1, 'eval_9', NULL)",
    "INSERT INTO files VALUES (4, 'file-1', 'rows.jsonl', 'evals', 1, 1, NULL, 'ready')",
    "INSERT INTO file_parts VALUES ('file-1', 0, x'61')",
    "INSERT INTO stored_completions VALUES (7, 'chatcmpl-1', 1, '{}', '[]')",
    "INSERT INTO completion_tags VALUES ('metadata', 'a', '1', 1, 7)",
    "INSERT INTO completion_tags VALUES ('model', '', 'm', 1, 7)",
]


@pytest.fixture
async def migrated(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """A database of the first schema with rows in every table, brought to the newest one."""
    database = open_database(database_url)
    monkeypatch.setattr(migration, "LATEST", "0001")
    await migrate(database)

    async def fill(connection: AsyncConnection) -> None:
        for statement in OLD_ROWS:
            await connection.execute(text(statement))

    await database.write(fill)
    monkeypatch.undo()
    await migrate(database)
    yield database
    await database.close()


async def test_nothing_is_lost(migrated: Database) -> None:
    counts = await row_counts(migrated)

    assert {name: number for name, number in counts.items() if number} == {
        "projects": 1,
        "evals": 3,
        "runs": 1,
        "run_data_sources": 1,
        "run_criteria": 1,
        "run_usage": 1,
        "chunks": 1,
        "output_items": 1,
        "idempotency_keys": 1,
        "files": 1,
        "file_parts": 1,
        "stored_completions": 1,
        "completion_tags": 2,
    }


async def test_all_is_found_in_the_default_project(migrated: Database) -> None:
    async def read(connection: AsyncConnection) -> None:
        listed = await eval_store.list_evals(connection, DEFAULT_PROJECT, ALL, "created_at")
        assert [each.id for each in listed.objects] == ["eval_1", "eval_2", "eval_9"]
        run = await run_store.get_run(connection, DEFAULT_PROJECT, "eval_9", "evalrun_1")
        assert (run.counts.passed, len(run.usage), len(run.criteria)) == (1, 1, 1)
        items = await item_store.list_items(connection, run.id, ALL, status=None)
        assert [name for name, _ in items.objects] == ["outputitem_1"]
        await file_store.get_file(connection, DEFAULT_PROJECT, "file-1", 5.0)
        found = await key_store.find_key(connection, DEFAULT_PROJECT, "/evals", "k", 5.0)
        assert found == ("hash", "answer")

    await migrated.read(read)


@pytest.mark.parametrize(
    "wanted",
    [
        CompletionFilter(DEFAULT_PROJECT),
        CompletionFilter(DEFAULT_PROJECT, frozenset({("a", "1")}), "m"),
    ],
)
async def test_stored_completions_are_found_by_what_they_were_found_by(
    migrated: Database, wanted: CompletionFilter
) -> None:
    found = await migrated.read(partial(completion_store.list_completions, page=ALL, wanted=wanted))

    assert [name for name, _ in found.objects] == ["chatcmpl-1"]


async def test_new_objects_come_behind_the_old_ones(migrated: Database) -> None:
    new = await saved_eval(migrated)
    completion = await saved_completion(migrated)

    listed = await migrated.read(
        lambda connection: eval_store.list_evals(connection, DEFAULT_PROJECT, ALL, "created_at")
    )
    assert listed.objects[-1].id == new.id
    stored = await migrated.read(
        partial(
            completion_store.list_completions, page=ALL, wanted=CompletionFilter(DEFAULT_PROJECT)
        )
    )
    assert [name for name, _ in stored.objects] == ["chatcmpl-1", completion.id]


async def test_what_is_deleted_takes_along_what_belonged_to_it(migrated: Database) -> None:
    await migrated.write(lambda connection: eval_store.delete_eval(connection, "eval_9"))
    await migrated.write(
        lambda connection: completion_store.delete_completion(
            connection, DEFAULT_PROJECT, "chatcmpl-1"
        )
    )

    counts = await row_counts(migrated)

    assert {name: number for name, number in counts.items() if number} == {
        "projects": 1,
        "evals": 2,
        "files": 1,
        "file_parts": 1,
    }
