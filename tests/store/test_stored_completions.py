"""Stored completions: found by what they are, in one order, and by nothing that they were."""

from dataclasses import replace
from functools import partial
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.contract.projects import DEFAULT_PROJECT
from evald.contract.stored_completions import CompletionFilter
from evald.errors import BadRequest, NotFound
from evald.rules.paging import PageRequest
from evald.store import stored_completions as completion_store
from evald.store.database import Database
from tests.store.records import fresh_id, pairs, row_counts, saved_completion

PAIRS = st.dictionaries(st.sampled_from("abc"), st.sampled_from("12"), max_size=3)
MODELS = st.sampled_from(["large", "small"])
TIMES = st.integers(1, 5)
COMPLETIONS = st.lists(
    st.fixed_dictionaries({"metadata": PAIRS, "model": MODELS, "created_at": TIMES}), max_size=8
)
FILTERS = st.builds(
    CompletionFilter,
    st.just(DEFAULT_PROJECT),
    PAIRS.map(pairs),
    st.none() | MODELS,
    st.none() | TIMES,
    st.none() | TIMES,
)


async def listed(
    database: Database, wanted: CompletionFilter, order: Any = "asc", limit: int = 3
) -> list[str]:
    """Give the ids of a list, read page after page."""
    ids: list[str] = []
    after = None
    while True:
        page = PageRequest(after, limit, order)
        found = await database.read(
            partial(completion_store.list_completions, page=page, wanted=wanted)
        )
        ids += [completion_id for completion_id, _ in found.objects]
        if not found.has_more:
            return ids
        after = ids[-1]


@given(COMPLETIONS, FILTERS, st.sampled_from(["asc", "desc"]))
async def test_a_list_has_what_fits_in_the_order_of_time(
    database: Database, completions: list[Any], wanted: CompletionFilter, order: str
) -> None:
    # The examples share a database: a pair of its own keeps each to what it made.
    own = {"example": fresh_id("example")}
    made = []
    for each in completions:
        metadata = {**each["metadata"], **own}
        made.append(await saved_completion(database, **{**each, "metadata": metadata}))
    wanted = replace(wanted, pairs=wanted.pairs | pairs(own))

    found = await listed(database, wanted, order)

    fitting = [each for each in made if fits(each, wanted)]
    in_order = sorted(fitting, key=lambda each: each.created_at)
    expected = [each.id for each in in_order]
    assert found == (expected if order == "asc" else expected[::-1])


def fits(completion: Any, wanted: CompletionFilter) -> bool:
    return (
        wanted.pairs <= pairs(completion.metadata)
        and (wanted.model is None or wanted.model in completion.models)
        and (wanted.created_after or 0) <= completion.created_at
        and completion.created_at <= (wanted.created_before or 9)
    )


@pytest.mark.parametrize(
    "impossible", [{("a", "1"), ("a", "2")}, {("a", "1"), *((str(n), "") for n in range(2000))}]
)
async def test_no_completion_fits_what_none_can_have(
    database: Database, impossible: set[tuple[str, str]]
) -> None:
    await saved_completion(database, metadata={"a": "1"})

    assert await listed(database, CompletionFilter(DEFAULT_PROJECT, frozenset(impossible))) == []


async def test_an_update_changes_the_pairs_and_nothing_else(database: Database) -> None:
    completion = await saved_completion(database, metadata={"a": "1"}, model="large")
    other = await saved_completion(database, metadata={"a": "1"})

    body = await database.write(
        partial(
            completion_store.update_metadata,
            project_id=DEFAULT_PROJECT,
            completion_id=completion.id,
            metadata={"b": "2"},
        )
    )

    assert orjson.loads(body) == {**orjson.loads(completion.body), "metadata": {"b": "2"}}
    assert await listed(database, CompletionFilter(DEFAULT_PROJECT, pairs({"a": "1"}))) == [
        other.id
    ]
    assert await listed(
        database, CompletionFilter(DEFAULT_PROJECT, pairs({"b": "2"}), "large")
    ) == [completion.id]
    assert await listed(database, CompletionFilter(DEFAULT_PROJECT)) == [completion.id, other.id]


async def test_a_deleted_completion_leaves_nothing_behind(database: Database) -> None:
    completion = await saved_completion(database, metadata={"a": "1", "b": "2"})
    delete = partial(
        completion_store.delete_completion, project_id=DEFAULT_PROJECT, completion_id=completion.id
    )

    await database.write(delete)

    counts = await row_counts(database)
    assert (counts["stored_completions"], counts["completion_tags"]) == (0, 0)
    with pytest.raises(NotFound):
        await database.write(delete)


async def test_an_after_that_is_no_completion_is_refused(database: Database) -> None:
    page = PageRequest("nothing", 20, "asc")
    with pytest.raises(BadRequest):
        await database.read(
            partial(
                completion_store.list_completions,
                page=page,
                wanted=CompletionFilter(DEFAULT_PROJECT),
            )
        )


@pytest.mark.parametrize(
    "wanted",
    [CompletionFilter(DEFAULT_PROJECT), CompletionFilter(DEFAULT_PROJECT, pairs({"a": "1"}))],
)
async def test_the_completions_of_a_run_are_the_newest_read_from_the_oldest_on(
    database: Database, wanted: CompletionFilter
) -> None:
    made = [
        await saved_completion(database, metadata={"a": "1"}, created_at=time)
        for time in (1, 2, 2, 3, 3)
    ]
    newest = partial(completion_store.place_of_newest, wanted=wanted)

    first = await database.read(partial(newest, number=4))
    assert await database.read(partial(newest, number=6)) is None

    read = partial(completion_store.next_completions, wanted=wanted, number=2)
    begun = await database.read(partial(read, first=first, after=None))
    rest = await database.read(partial(read, first=first, after=begun[-1].place))
    assert [each.id for each in (*begun, *rest)] == [each.id for each in made[1:]]
