"""How SQLite would carry out statements, and what is wrong with a plan."""

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.rules.paging import PageRequest
from evald.store.database import Database

Statements = Callable[[AsyncConnection], Awaitable[object]]
BIG = (
    *("evals", "runs", "run_criteria", "run_usage", "chunks", "output_items", "file_parts"),
    *("sessions", "api_keys", "projects", "idempotency_keys", "stored_completions"),
    *("completion_tags", "stored_responses", "response_tags", "leading", "webhook_deliveries"),
    *("earlier", "deleted_responses", "imported_runs", "share_links"),
)


async def plans(database: Database, statements: Statements) -> list[str]:
    """Run these statements and give the plan of each, one line a step."""
    seen: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, ___: Any, many: bool) -> None:
        if not statement.startswith(("BEGIN", "INSERT")):
            seen.append((statement, parameters[0] if many else parameters))

    event.listen(database.writer.sync_engine, "before_cursor_execute", note)
    await database.write(statements)
    event.remove(database.writer.sync_engine, "before_cursor_execute", note)

    async def explained(connection: AsyncConnection) -> list[str]:
        steps = []
        for statement, parameters in seen:
            found = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            steps += [str(step.detail) for step in found]
        return steps

    return await database.read(explained)


def page(after: str | None, order: str) -> PageRequest:
    """Give a request for a page."""
    return PageRequest(after, 20, "asc" if order == "asc" else "desc")


def check_plan(steps: list[str]) -> None:
    """Check that no big table is read whole, and nothing is sorted aside."""
    assert steps
    assert not any(scans_a_big_table(step) for step in steps), steps
    assert not any("TEMP B-TREE" in step for step in steps), steps


def scans_a_big_table(step: str) -> bool:
    """Say whether a step reads a whole table that can be big."""
    return any(step.startswith(f"SCAN {table}") for table in BIG)
