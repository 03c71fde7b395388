"""How SQLite carries out the hot statements: by an index, never through a whole table."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.counts import ModelUsage
from evald.contract.projects import DEFAULT_PROJECT
from evald.contract.stored_completions import CompletionFilter
from evald.contract.stored_responses import ResponseFilter, Tag
from evald.rules.paging import PageRequest
from evald.rules.tally import tally
from evald.store import api_keys as api_key_store
from evald.store import chunks as chunk_store
from evald.store import counters as counter_store
from evald.store import evals as eval_store
from evald.store import files as file_store
from evald.store import idempotency_keys as key_store
from evald.store import output_items as item_store
from evald.store import runs as run_store
from evald.store import sessions as session_store
from evald.store import stored_completions as completion_store
from evald.store import stored_responses as response_store
from evald.store import webhook_deliveries as delivery_store
from evald.store import webhook_endpoints as endpoint_store
from evald.store.api_keys import NewKey
from evald.store.database import Database
from evald.store.evals import OrderBy
from evald.store.sessions import NewSession
from evald.store.webhook_deliveries import Attempt
from tests.store.records import (
    CRITERIA,
    Started,
    new_completion,
    new_eval,
    new_file,
    new_item,
    new_response,
    pairs,
    recorded_event,
    save_items,
    saved_completion,
    saved_endpoint,
    saved_response,
    started_run,
)

Statements = Callable[[AsyncConnection], Awaitable[object]]
BIG = (
    *("evals", "runs", "run_criteria", "run_usage", "chunks", "output_items", "file_parts"),
    *("sessions", "api_keys", "projects", "idempotency_keys", "stored_completions"),
    *("completion_tags", "stored_responses", "response_tags", "leading", "webhook_deliveries"),
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


async def example(database: Database) -> tuple[Started, str]:
    """Give a run with an item, and the id of the item."""
    run, item = await started_run(database), new_item(0)
    await database.write(lambda connection: save_items(connection, run, [item]))
    return run, item.id


def page(after: str | None, order: str) -> PageRequest:
    return PageRequest(after, 20, "asc" if order == "asc" else "desc")


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
    await database.write(lambda connection: file_store.begin_upload(connection, file))
    await database.write(lambda connection: file_store.finish_upload(connection, file.id, 1))

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


PK = "sqlite_autoindex_completion_tags_1 (project_id=? AND kind=? AND name=? AND value=?"
FILTERS = {
    "all": (CompletionFilter(DEFAULT_PROJECT), "ix_stored_completions_project_id_created_at_seq"),
    "of a model": (CompletionFilter(DEFAULT_PROJECT, model="m"), PK),
    "with a pair": (CompletionFilter(DEFAULT_PROJECT, pairs({"a": "1"})), PK),
    "with pairs, of a model": (
        CompletionFilter(DEFAULT_PROJECT, pairs({"a": "1", "b": "2"}), "m"),
        PK,
    ),
    "of a time": (
        CompletionFilter(DEFAULT_PROJECT, created_after=1, created_before=2),
        "ix_stored_completions_project_id_created_at_seq (",
    ),
    "with a pair, of a time": (
        CompletionFilter(DEFAULT_PROJECT, pairs({"a": "1"}), created_after=1, created_before=2),
        PK,
    ),
}


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("with_after", [True, False])
@pytest.mark.parametrize(("wanted", "index"), FILTERS.values(), ids=FILTERS)
async def test_a_page_of_stored_completions_is_read_from_its_index(
    database: Database, order: str, with_after: bool, wanted: CompletionFilter, index: str
) -> None:
    known = await saved_completion(database, metadata={"a": "1", "b": "2"})
    asked = page(known.id if with_after else None, order)

    steps = await plans(
        database, partial(completion_store.list_completions, page=asked, wanted=wanted)
    )

    assert any(index in step for step in steps), steps
    if wanted.created_before is None:
        assert any(begins_within(step) for step in steps) == with_after
    check_plan(steps)


def begins_within(step: str) -> bool:
    places = ("created_at>?", "created_at<?", "completion_seq)>(?,?)", "completion_seq)<(?,?)")
    return any(place in step for place in (*places, "created_at,seq)>", "created_at,seq)<"))


@pytest.mark.parametrize(("wanted", "index"), FILTERS.values(), ids=FILTERS)
async def test_the_completions_of_a_run_are_read_from_their_index(
    database: Database, wanted: CompletionFilter, index: str
) -> None:
    await saved_completion(database, metadata={"a": "1", "b": "2"})
    place = (1, 1)

    async def read(connection: AsyncConnection) -> None:
        read_on = partial(completion_store.next_completions, connection, wanted, 10)
        await read_on(first=place, after=None)
        await read_on(first=None, after=place)
        await completion_store.place_of_newest(connection, wanted, 5)

    steps = await plans(database, read)

    assert sum(index in step for step in steps) >= 3, steps
    check_plan(steps)


@pytest.mark.parametrize(
    "statements",
    [
        partial(
            completion_store.get_completion, project_id=DEFAULT_PROJECT, completion_id="chatcmpl_0"
        ),
        partial(
            completion_store.get_messages, project_id=DEFAULT_PROJECT, completion_id="chatcmpl_0"
        ),
        partial(
            completion_store.delete_completion,
            project_id=DEFAULT_PROJECT,
            completion_id="chatcmpl_0",
        ),
        partial(
            completion_store.update_metadata,
            project_id=DEFAULT_PROJECT,
            completion_id="chatcmpl_0",
            metadata={"b": "2"},
        ),
        partial(
            completion_store.known_ids, project_id=DEFAULT_PROJECT, ids=["chatcmpl_0", "chatcmpl_1"]
        ),
    ],
    ids=["one", "its messages", "a delete", "an update", "known ids"],
)
async def test_one_stored_completion_is_found_by_an_index(
    database: Database, statements: Statements
) -> None:
    new = replace(new_completion(metadata={"a": "1"}), id="chatcmpl_0")
    await database.write(
        lambda connection: completion_store.insert_completions(connection, DEFAULT_PROJECT, [new])
    )

    steps = await plans(database, statements)

    check_plan(steps)


QUEUE = "ix_webhook_deliveries_endpoint_id_next_attempt_at_seq (endpoint_id=?"
DELIVERIES: dict[str, tuple[Callable[[str], Statements], str]] = {
    "what is due": (
        lambda endpoint_id: partial(
            delivery_store.due_deliveries, endpoint_id=endpoint_id, now=5.0, number=4
        ),
        f"{QUEUE} AND next_attempt_at<?)",
    ),
    "the next times": (lambda _: delivery_store.next_times, f"{QUEUE} AND next_attempt_at>?)"),
    "a saved attempt": (
        lambda _: partial(
            delivery_store.save_attempts,
            attempts=[Attempt("wh_0", 1.0, "delivered", 200, None, None)],
        ),
        "sqlite_autoindex_webhook_deliveries_1 (id=?)",
    ),
    "a page": (
        lambda endpoint_id: partial(
            delivery_store.list_deliveries, endpoint_id=endpoint_id, page=page(None, "desc")
        ),
        "ix_webhook_deliveries_endpoint_id_seq (endpoint_id=?)",
    ),
    "what is gone": (
        lambda endpoint_id: partial(
            endpoint_store.disable_endpoint,
            endpoint_id=endpoint_id,
            url="http://127.0.0.1:9/hook",
            now=5.0,
        ),
        f"{QUEUE} AND next_attempt_at>?)",
    ),
    "what is old": (
        lambda _: partial(delivery_store.remove_old, now=5.0),
        "ix_webhook_deliveries_ended_at (ended_at<?)",
    ),
}


@pytest.mark.parametrize(("statements", "index"), DELIVERIES.values(), ids=DELIVERIES)
async def test_deliveries_are_found_by_an_index(
    database: Database, statements: Callable[[str], Statements], index: str
) -> None:
    endpoint = await saved_endpoint(database)
    await recorded_event(database)

    steps = await plans(database, statements(endpoint.id))

    assert any(index in step for step in steps), steps
    check_plan(steps)


async def test_a_page_of_webhook_endpoints_is_read_from_its_index(database: Database) -> None:
    endpoint = await saved_endpoint(database)

    steps = await plans(
        database,
        partial(
            endpoint_store.list_endpoints,
            project_id=DEFAULT_PROJECT,
            page=page(endpoint.id, "desc"),
        ),
    )

    assert "ix_webhook_endpoints_project_id_created_at_seq (project_id=? AND" in steps[-1]
    check_plan(steps)


TAG_KEY = "sqlite_autoindex_response_tags_1 (project_id=? AND kind=? AND name=? AND value=?"
TIMES = "ix_stored_responses_project_id_created_at_seq (project_id=?"
ADA, BOB, LOOK = ("user", "", "ada"), ("user", "", "bob"), ("tool", "", "look")
RESPONSE_FILTERS: dict[str, tuple[ResponseFilter, str]] = {
    "all": (ResponseFilter(DEFAULT_PROJECT), TIMES),
    "of a time": (
        ResponseFilter(DEFAULT_PROJECT, created_after=1, created_before=2),
        f"{TIMES} AND created_at>",
    ),
    "with instructions": (ResponseFilter(DEFAULT_PROJECT, instructions="a"), TIMES),
    "of a user": (ResponseFilter(DEFAULT_PROJECT, (frozenset({ADA}),)), TAG_KEY),
    "of two users": (ResponseFilter(DEFAULT_PROJECT, (frozenset({ADA, BOB}),)), TAG_KEY),
    "of users, with a tool": (
        ResponseFilter(DEFAULT_PROJECT, (frozenset({ADA, BOB}), frozenset({LOOK}))),
        TAG_KEY,
    ),
    "of users, with either tool, of a time, with instructions": (
        ResponseFilter(
            DEFAULT_PROJECT,
            (frozenset({ADA, BOB}), frozenset({LOOK, ("tool", "", "find")})),
            "a",
            1,
            2,
        ),
        TAG_KEY,
    ),
}


@pytest.mark.parametrize(("wanted", "index"), RESPONSE_FILTERS.values(), ids=RESPONSE_FILTERS)
async def test_the_responses_of_a_run_are_read_from_their_index(
    database: Database, wanted: ResponseFilter, index: str
) -> None:
    tags: set[Tag] = {ADA, LOOK}
    await saved_response(database, tags=tags, instructions="a")
    place = (1, 0)

    async def read(connection: AsyncConnection) -> None:
        read_on = partial(response_store.next_responses, connection, wanted, 10)
        await read_on(first=place, after=None)
        await read_on(first=None, after=place)
        await response_store.place_of_newest(connection, wanted, 5)

    steps = await plans(database, read)

    assert sum(index in step for step in steps) >= 3, steps
    check_plan(steps)


@pytest.mark.parametrize(
    "statements",
    [
        partial(response_store.get_response, project_id=DEFAULT_PROJECT, response_id="resp_0"),
        partial(response_store.get_input, project_id=DEFAULT_PROJECT, response_id="resp_0"),
        partial(response_store.is_of_others, project_id=DEFAULT_PROJECT, response_id="resp_0"),
        partial(response_store.delete_response, project_id=DEFAULT_PROJECT, response_id="resp_0"),
        partial(response_store.known_ids, project_id=DEFAULT_PROJECT, ids=["resp_0", "resp_1"]),
        partial(response_store.known_bodies, project_id=DEFAULT_PROJECT, ids=["resp_0", "resp_1"]),
    ],
    ids=["one", "its input", "its owners", "a delete", "known ids", "known bodies"],
)
async def test_one_stored_response_is_found_by_an_index(
    database: Database, statements: Statements
) -> None:
    new = replace(new_response(tags={ADA}), id="resp_0")
    await database.write(
        lambda connection: response_store.insert_responses(connection, DEFAULT_PROJECT, [new])
    )

    steps = await plans(database, statements)

    check_plan(steps)


def check_plan(steps: list[str]) -> None:
    assert steps
    assert not any(scans_a_big_table(step) for step in steps), steps
    assert not any("TEMP B-TREE" in step for step in steps), steps


def scans_a_big_table(step: str) -> bool:
    return any(step.startswith(f"SCAN {table}") for table in BIG)


async def test_a_scan_would_be_seen(database: Database) -> None:
    async def by_name(connection: AsyncConnection) -> None:
        await eval_store.insert_eval(connection, new_eval())
        await connection.exec_driver_sql("SELECT id FROM evals WHERE name = 'x' ORDER BY id")

    steps = await plans(database, by_name)

    assert any(scans_a_big_table(step) for step in steps)
    with pytest.raises(AssertionError):
        check_plan(steps)
