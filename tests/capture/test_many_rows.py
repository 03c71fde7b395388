"""Rows of very many stored completions: all of them, the newest of them, or a refusal."""

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.projects import DEFAULT_PROJECT
from evald.contract.stored_completions import CompletionFilter
from evald.data_sources.logged import MOST_ROWS, logged_chunks
from evald.data_sources.stored_completions import logged_completions
from evald.errors import BadRequest
from evald.rules.rows import RowCheck
from evald.store.database import Database

ALL = logged_completions(CompletionFilter(DEFAULT_PROJECT), with_samples=True)
CHECK = RowCheck({})


async def fill(database: Database, count: int) -> None:
    async def insert(connection: AsyncConnection) -> None:
        await connection.exec_driver_sql(
            "WITH RECURSIVE numbers(n) AS "
            f"(SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count}) "
            "INSERT INTO stored_completions (project_id, id, created_at, body, messages) "
            "SELECT 1, 'chatcmpl-' || n, n / 10, '{\"choices\":[]}', '[]' FROM numbers"
        )

    await database.write(insert)


async def test_as_many_as_a_run_may_have_are_taken(database: Database) -> None:
    await fill(database, MOST_ROWS)

    chunks, row_count = await logged_chunks(ALL, None, CHECK, database)

    assert row_count == MOST_ROWS == sum(chunk.row_count for chunk in chunks)


async def test_more_than_a_run_may_have_are_refused_unless_a_limit_says_how_many(
    database: Database,
) -> None:
    await fill(database, MOST_ROWS + 1)

    for limit in (None, MOST_ROWS + 1):
        with pytest.raises(BadRequest, match="Give a limit"):
            await logged_chunks(ALL, limit, CHECK, database)
    _, row_count = await logged_chunks(ALL, 1000, CHECK, database)
    assert row_count == 1000
