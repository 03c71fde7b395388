"""How SQLite carries out the statements on stored completions and responses: by an index."""

from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.projects import DEFAULT_PROJECT
from evald.contract.stored_completions import CompletionFilter
from evald.contract.stored_responses import ResponseFilter, Tag
from evald.store import stored_completions as completion_store
from evald.store import stored_responses as response_store
from evald.store.database import Database
from tests.store.plans import Statements, check_plan, page, plans
from tests.store.records import (
    new_completion,
    new_response,
    pairs,
    saved_completion,
    saved_response,
)

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
        partial(
            completion_store.delete_old_completions, project_id=DEFAULT_PROJECT, before=9, number=9
        ),
    ],
    ids=["one", "its messages", "a delete", "an update", "known ids", "the old ones"],
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
        partial(response_store.get_chain, project_id=DEFAULT_PROJECT, response_id="resp_1"),
        partial(response_store.is_closed, project_id=DEFAULT_PROJECT, response_id="resp_0"),
        partial(response_store.is_closed, project_id=DEFAULT_PROJECT, response_id="resp_absent"),
        partial(response_store.delete_response, project_id=DEFAULT_PROJECT, response_id="resp_0"),
        partial(response_store.known_ids, project_id=DEFAULT_PROJECT, ids=["resp_0", "resp_1"]),
        partial(response_store.known_bodies, project_id=DEFAULT_PROJECT, ids=["resp_0", "resp_1"]),
        partial(
            response_store.delete_old_responses, project_id=DEFAULT_PROJECT, before=9, number=9
        ),
    ],
    ids=[
        *("one", "a chain", "its owners", "a deleted one", "a delete"),
        *("known ids", "known bodies", "the old ones"),
    ],
)
async def test_one_stored_response_is_found_by_an_index(
    database: Database, statements: Statements
) -> None:
    first = replace(new_response(tags={ADA}, previous_id="resp_absent"), id="resp_0")
    new = [first, replace(new_response(previous_id="resp_0"), id="resp_1")]
    await database.write(
        lambda connection: response_store.insert_responses(connection, DEFAULT_PROJECT, new)
    )

    steps = await plans(database, statements)

    check_plan(steps)


async def test_each_step_back_in_a_chain_is_one_look_into_an_index(database: Database) -> None:
    first = await saved_response(database)
    last = await saved_response(database, previous_id=first.id)

    steps = await plans(
        database,
        partial(response_store.get_chain, project_id=DEFAULT_PROJECT, response_id=last.id),
    )

    step = steps[steps.index("RECURSIVE STEP") :]
    key = "sqlite_autoindex_stored_responses_1 (project_id=? AND id=?)"
    assert any(key in each for each in step), steps
