"""The way back from a response, and what was said on it."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from evald.contract.stored_responses import Chain, Gap, Turn, item_objects
from evald.rules.response_chain import LONGEST_PAST, MOST_TURNS, Link, input_of, way_back


def by_id(*links: Link) -> dict[str, Link]:
    return {link.id: link for link in links}


def chain_of(number: int, size: int = 1) -> list[Link]:
    """Give links that each go on from the one before, the first of all first."""
    return [
        Link(place, f"r{place}", f"r{place - 1}" if place else None, size)
        for place in range(number)
    ]


def test_the_way_back_goes_to_the_first_of_all() -> None:
    links = chain_of(4)

    way = way_back(links[2], by_id(*links), set())

    assert (way.links, way.gap) == ((links[2], links[1], links[0]), None)


def test_a_response_that_is_not_there_is_named_with_the_reason() -> None:
    last = Link(2, "last", "before", 1)

    assert way_back(last, by_id(last), {"before"}).gap == Gap("before", "deleted")
    assert way_back(last, by_id(last), {"other"}).gap == Gap("before", "not_stored")


def test_a_way_has_no_more_turns_than_it_may() -> None:
    links = chain_of(MOST_TURNS + 1)

    whole = way_back(links[-2], by_id(*links), set())
    cut = way_back(links[-1], by_id(*links), set())

    assert (len(whole.links), whole.gap) == (MOST_TURNS, None)
    assert (len(cut.links), cut.gap) == (MOST_TURNS, Gap("r0", "too_long"))


def test_a_past_is_no_longer_than_it_may_be() -> None:
    links = chain_of(4, LONGEST_PAST // 2)

    way = way_back(links[-1], by_id(*links), set())

    assert ([link.id for link in way.links], way.gap) == (["r3", "r2", "r1"], Gap("r0", "too_long"))


def test_a_response_that_goes_on_from_itself_has_no_past() -> None:
    link = Link(1, "r", "r", 1)

    assert way_back(link, by_id(link), set()).gap == Gap("r", "loop")


IDS = st.sampled_from("abcde")


@given(st.dictionaries(IDS, st.none() | IDS, min_size=1), st.sets(IDS))
def test_every_way_ends_and_meets_no_response_twice(
    previous: dict[str, str | None], deleted: set[str]
) -> None:
    links = {name: Link(0, name, before, 1) for name, before in previous.items()}

    for link in links.values():
        way = way_back(link, links, deleted)
        ids = [each.id for each in way.links]
        assert len(set(ids)) == len(ids)
        before = way.links[-1].previous_id
        assert before == (way.gap.response_id if way.gap else None)
        if way.gap:
            assert (before in ids) == (way.gap.reason == "loop")
            assert (before not in links) == (way.gap.reason in ("deleted", "not_stored"))


def turn(name: str, sent: list[Any], said: list[Any]) -> Turn:
    return Turn(name, json.dumps(sent), json.dumps({"output": said}))


FIRST = turn(
    "r1", [{"a": 1}, {"a": 2, "id": "own"}], [{"type": "reasoning", "b": 0}, {"b": 1}, "odd"]
)
SECOND = turn("r2", [{"c": 1}, {"c": 2, "id": "own"}], [{"d": 1}])


def test_what_was_sent_and_said_before_comes_before_what_was_sent() -> None:
    items = [item for _, item in input_of(Chain((FIRST, SECOND), None))]

    assert items == [{"a": 1}, {"a": 2, "id": "own"}, {"b": 1}, *json.loads(SECOND.input)]


def test_an_item_keeps_its_id_when_what_came_before_is_gone() -> None:
    whole = item_objects(input_of(Chain((FIRST, SECOND), None)))
    rest = item_objects(input_of(Chain((SECOND,), Gap("r1", "deleted"))))

    assert [item["id"] for item in whole] == ["r1-0", "r1-1", "r1-2", "r2-0", "own"]
    assert whole[3:] == rest
