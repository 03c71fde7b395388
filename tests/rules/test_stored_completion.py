"""A stored completion: put together from a request and an answer, whatever is in them."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.rules import json_text
from evald.rules.stored_completion import Origin, stored_completion, with_id, with_metadata
from tests.rules.json_values import JSON_OBJECTS, JSON_VALUES

ORIGIN = Origin({"a": "1"}, "req_1", now=1_800_000_000, spare_id="chatcmpl-spare")
ANSWER: Any = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_790_000_000,
    "model": "m-2026",
    "choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}],
    "usage": None,
    "timings": {"ms": 3},
}
REQUEST: Any = {"model": "m", "messages": [{"role": "user", "content": "hello"}], "seed": 3}


def body_of(request: Any, answer: Any) -> Any:
    return orjson.loads(stored_completion(request, answer, ORIGIN).body)


def test_it_has_the_answer_and_what_was_asked() -> None:
    stored = stored_completion(REQUEST, ANSWER, ORIGIN)

    assert orjson.loads(stored.body) == {
        "object": "chat.completion",
        "id": "chatcmpl-1",
        "model": "m-2026",
        "created": 1_790_000_000,
        "request_id": "req_1",
        "tool_choice": None,
        "seed": 3,
        "top_p": None,
        "temperature": None,
        "presence_penalty": None,
        "frequency_penalty": None,
        "tools": None,
        "response_format": None,
        "input_user": None,
        "service_tier": None,
        "metadata": {"a": "1"},
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "logprobs": None,
                "message": {"role": "assistant", "content": "hi", "refusal": None},
            }
        ],
        "timings": {"ms": 3},
    }
    assert orjson.loads(stored.messages) == REQUEST["messages"]
    assert stored.models == {"m", "m-2026"}
    assert stored.created_at == 1_790_000_000


def test_what_was_stored_elsewhere_keeps_what_it_shows_of_its_request() -> None:
    before = body_of({**REQUEST, "user": "u"}, ANSWER)

    assert body_of({}, before) == before


@pytest.mark.parametrize("odd", ["", None, 7, "a/b", "a b", "é", "x" * 129, "..", "a\n"])
def test_an_id_that_no_path_can_hold_is_replaced(odd: Any) -> None:
    assert body_of(REQUEST, {**ANSWER, "id": odd})["id"] == "chatcmpl-spare"


@pytest.mark.parametrize("odd", [None, True, "1790000000", 0, -1, 2**60, 1e300])
def test_an_answer_without_a_usable_time_gets_ours(odd: Any) -> None:
    stored = stored_completion(REQUEST, {**ANSWER, "created": odd}, ORIGIN)

    assert stored.created_at == ORIGIN.now == orjson.loads(stored.body)["created"]


@pytest.mark.parametrize("odd", [None, 7, "", "x" * 257, "a\x00b"])
def test_a_name_that_no_list_can_be_filtered_by_gives_way_to_the_one_asked_for(odd: Any) -> None:
    stored = stored_completion(REQUEST, {**ANSWER, "model": odd}, ORIGIN)

    assert stored.models == {"m"}
    assert orjson.loads(stored.body)["model"] == "m"


KEYS = ("id", "model", "created", "choices", "messages", "usage", "seed", "metadata", "object")
ODD = st.dictionaries(
    st.sampled_from(KEYS), JSON_VALUES | st.lists(JSON_OBJECTS, max_size=2), max_size=4
)


@given(ODD, ODD)
def test_whatever_was_asked_and_answered_can_be_kept(request: Any, answer: Any) -> None:
    try:
        stored = stored_completion({**REQUEST, **request}, {**ANSWER, **answer}, ORIGIN)
    except json_text.BadJson:
        return  # it could not be written again

    body = orjson.loads(stored.body)
    assert body["id"] == stored.id
    assert body["created"] == stored.created_at
    assert isinstance(body["choices"], list)
    assert isinstance(orjson.loads(stored.messages), list)


def test_another_id_and_other_metadata_leave_the_rest_as_it_is() -> None:
    stored = stored_completion(REQUEST, ANSWER, ORIGIN)
    body = orjson.loads(stored.body)

    other = with_id(stored, "chatcmpl-2")

    assert (other.id, orjson.loads(other.body)) == ("chatcmpl-2", {**body, "id": "chatcmpl-2"})
    assert (other.models, other.metadata) == (stored.models, stored.metadata)
    assert orjson.loads(with_metadata(body, {})) == {**body, "metadata": {}}
