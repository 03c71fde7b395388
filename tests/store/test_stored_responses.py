"""Stored responses: found by what they are, in one order."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.projects import DEFAULT_PROJECT
from evald.contract.stored_responses import ResponseFilter, StoredResponse, Tag
from evald.errors import NotFound
from evald.store import stored_responses as response_store
from evald.store.database import Database
from evald.store.stored_completions import Place
from tests.store.records import fresh_id, row_counts, saved_response

KINDS = ("user", "tool", "model")
TIMES = st.integers(1, 5)
VALUES = st.frozensets(st.sampled_from("123"), min_size=1)
TAGS = st.frozensets(st.tuples(st.sampled_from(KINDS), st.just(""), st.sampled_from("123")))
TEXTS = st.sampled_from(["", "be brief", "be loud, 100%", "a_b"])
RESPONSES = st.lists(
    st.fixed_dictionaries({"tags": TAGS, "created_at": TIMES, "instructions": TEXTS}), max_size=8
)
GROUPS = st.dictionaries(st.sampled_from(KINDS), VALUES).map(
    lambda values: tuple(
        frozenset((kind, "", value) for value in some) for kind, some in values.items()
    )
)
SEARCHES = st.none() | st.sampled_from(["be ", "%", "_", "loud, 1"])
FILTERS = st.builds(
    ResponseFilter, st.just(DEFAULT_PROJECT), GROUPS, SEARCHES, st.none() | TIMES, st.none() | TIMES
)


async def found_by(
    connection: AsyncConnection, wanted: ResponseFilter, first: Place | None = None
) -> list[str]:
    """Give the ids of what fits, read two at a time."""
    ids: list[str] = []
    after = None
    while some := await response_store.next_responses(
        connection, wanted, 2, first=first, after=after
    ):
        ids += [each.chain.turns[-1].id for each in some]
        after = some[-1].place
    return ids


@given(RESPONSES, FILTERS)
async def test_what_is_found_is_what_fits_in_the_order_of_time(
    database: Database, responses: list[Any], wanted: ResponseFilter
) -> None:
    # The examples share a database: a tag of its own keeps each to what it made.
    own: Tag = ("metadata", "example", fresh_id("example"))
    made = [
        await saved_response(database, **{**each, "tags": each["tags"] | {own}})
        for each in responses
    ]
    wanted = replace(wanted, any_of=(*wanted.any_of, frozenset({own})))

    found = await database.read(partial(found_by, wanted=wanted))

    fitting = [each for each in made if fits(each, wanted)]
    assert found == [each.id for each in sorted(fitting, key=lambda each: each.created_at)]


def fits(response: StoredResponse, wanted: ResponseFilter) -> bool:
    return (
        all(response.tags & group for group in wanted.any_of)
        and (wanted.instructions or "") in response.instructions
        and (wanted.created_after or 0) <= response.created_at
        and response.created_at <= (wanted.created_before or 9)
    )


USERS = frozenset({("user", "", "ada"), ("user", "", "bob")})
EITHER = ResponseFilter(DEFAULT_PROJECT, (USERS,))
ANY = ResponseFilter(DEFAULT_PROJECT)


async def test_one_that_has_two_of_the_tags_is_found_once(database: Database) -> None:
    both = await saved_response(database, tags=USERS)
    await saved_response(database, tags={("user", "", "eve")})

    assert await database.read(partial(found_by, wanted=EITHER)) == [both.id]


@pytest.mark.parametrize("wanted", [ANY, EITHER, replace(ANY, instructions="be")])
async def test_the_responses_of_a_run_are_the_newest_read_from_the_oldest_on(
    database: Database, wanted: ResponseFilter
) -> None:
    users = sorted(USERS)
    made = [
        await saved_response(
            database, tags={users[number % 2]}, created_at=time, instructions="be brief"
        )
        for number, time in enumerate((1, 2, 2, 3, 3))
    ]
    newest = partial(response_store.place_of_newest, wanted=wanted)

    first = await database.read(partial(newest, number=4))

    assert await database.read(partial(newest, number=6)) is None
    found = await database.read(partial(found_by, wanted=wanted, first=first))
    assert found == [each.id for each in made[1:]]


@pytest.mark.parametrize(
    "tags",
    [
        {("metadata", "a", "1"), ("metadata", "a", "2")},
        {("metadata", str(number), "") for number in range(17)},
    ],
)
def test_no_response_fits_what_none_can_have(tags: set[Tag]) -> None:
    assert ResponseFilter(DEFAULT_PROJECT, tuple(frozenset({tag}) for tag in tags)).is_impossible
    assert not EITHER.is_impossible


async def test_a_deleted_response_leaves_nothing_behind(database: Database) -> None:
    response = await saved_response(database, tags=USERS)
    delete = partial(
        response_store.delete_response, project_id=DEFAULT_PROJECT, response_id=response.id
    )

    await database.write(delete)

    counts = await row_counts(database)
    assert (counts["stored_responses"], counts["response_tags"]) == (0, 0)
    assert counts["deleted_responses"] == 1  # its id alone
    for ask in (
        delete,
        partial(response_store.get_chain, project_id=DEFAULT_PROJECT, response_id=response.id),
    ):
        with pytest.raises(NotFound):
            await database.write(ask)
