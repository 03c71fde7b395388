"""What is stored of a response: what was answered, what was asked, and what it is found by."""

from typing import Any

import orjson
import pytest

from evald.contract.stored_responses import item_objects
from evald.rules.stored_completion import Origin
from evald.rules.stored_response import (
    folded,
    stored_response,
    whole_response,
    with_id,
)

NOW = 1_790_000_000
ORIGIN = Origin({"case": "a"}, "req_1", NOW, "resp_spare")
REQUEST: Any = {
    "model": "gpt-4o",
    "input": "Say hi.",
    "instructions": "Be BRIEF.",
    "temperature": 1,
    "top_p": 0.5,
    "user": "ada",
    "reasoning": {"effort": "low"},
    "tools": [
        {"type": "function", "name": "look", "parameters": {}},
        {"type": "web_search"},
        {"type": "mcp", "server_label": "docs", "server_url": "https://example.test"},
    ],
}
ANSWER: Any = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1_700_000_000.5,
    "model": "gpt-4o-2024-08-06",
    "output": [],
    "of the day": 1,
}


def stored(request: Any = REQUEST, answer: Any = ANSWER) -> Any:
    return stored_response(request, answer, ORIGIN)


def body_of(**changes: Any) -> Any:
    return orjson.loads(stored(answer={**ANSWER, **changes}).body)


def test_a_stored_response_is_the_answer_with_what_it_left_out_of_its_request() -> None:
    body = body_of()

    assert {key: body[key] for key in REQUEST if key not in ("model", "input")} == {
        key: value for key, value in REQUEST.items() if key not in ("model", "input")
    }
    assert (body["id"], body["created_at"], body["model"]) == (
        "resp_1",
        1_700_000_000,
        "gpt-4o-2024-08-06",
    )
    assert (body["metadata"], body["status"], body["of the day"]) == ({"case": "a"}, "completed", 1)
    assert body["truncation"] is None
    assert "input" not in body


def test_what_the_endpoint_says_of_the_request_is_kept() -> None:
    body = body_of(temperature=0.25, user=None, tools=[])

    assert (body["temperature"], body["user"], body["tools"]) == (0.25, "ada", [])


def test_a_response_is_found_by_all_that_the_filters_know() -> None:
    assert stored().tags == {
        ("metadata", "case", "a"),
        ("model", "", "gpt-4o"),
        ("model", "", "gpt-4o-2024-08-06"),
        ("user", "", "ada"),
        ("effort", "", "low"),
        ("temperature", "", "1.0"),
        ("top_p", "", "0.5"),
        ("tool", "", "look"),
        ("tool", "", "web_search"),
        ("tool", "", "mcp"),
        ("tool", "", "docs"),
    }
    assert stored().instructions == "be brief."


ODD: dict[str, Any] = {
    "nothing": {},
    "no numbers": {"temperature": True, "top_p": "high"},
    "no list of tools": {"tools": "all"},
    "tools that are none": {"tools": [1, {"name": 5}]},
    "reasoning as a text": {"reasoning": "hard"},
    "a user of a wrong kind": {"user": 5},
    "long": {"user": "u" * 600, "tools": [{"name": "n" * 600}]},
    "NUL": {"user": "\x00", "instructions": "\x00"},
    "input as a number": {"input": 5},
}


@pytest.mark.parametrize("request_", ODD.values(), ids=ODD)
def test_an_odd_request_is_stored_and_only_less_is_found(request_: Any) -> None:
    kept = stored(request_)

    assert kept.tags == {("metadata", "case", "a"), ("model", "", "gpt-4o-2024-08-06")}
    assert kept.instructions == ""
    assert kept.input == "[]"


def test_many_tools_are_not_all_tags() -> None:
    tools = [{"type": "function", "name": f"f{number}"} for number in range(1000)]

    found = [tag for tag in stored({"tools": tools}).tags if tag[0] == "tool"]

    assert len(found) == 128


@pytest.mark.parametrize("odd", [None, 5, "", "a/b", "x" * 200])
def test_an_id_that_cannot_be_used_is_replaced(odd: Any) -> None:
    kept = stored(answer={**ANSWER, "id": odd})

    assert (kept.id, orjson.loads(kept.body)["id"]) == ("resp_spare", "resp_spare")


@pytest.mark.parametrize("odd", [None, True, "now", -5, 1e300])
def test_a_response_without_a_time_gets_that_of_now(odd: Any) -> None:
    assert stored(answer={**ANSWER, "created_at": odd}).created_at == NOW


def test_another_id_changes_nothing_else() -> None:
    one = stored()

    other = with_id(one, "resp_2")

    assert orjson.loads(other.body) == {**orjson.loads(one.body), "id": "resp_2"}
    assert (other.tags, other.input) == (one.tags, one.input)


@pytest.mark.parametrize(
    ("value", "is_whole"),
    [
        ({"output": []}, True),
        ({"output": [], "status": "completed"}, True),
        ({"output": [], "status": "incomplete"}, True),
        ({"output": [], "status": "failed"}, False),
        ({"output": [], "status": "queued"}, False),
        ({"output": None, "status": "completed"}, False),
        ({"choices": []}, False),
        ([], False),
        (None, False),
    ],
)
def test_a_response_is_whole_when_it_came_to_its_end(value: Any, is_whole: bool) -> None:
    assert whole_response(value) == (value if is_whole else None)


def test_instructions_may_be_the_items_that_were_made_of_them() -> None:
    items = [{"role": "developer", "content": [{"type": "input_text", "text": "Be"}, "Kind"]}, 5]

    assert stored({}, {**ANSWER, "instructions": items}).instructions == "be\nkind"


def test_folded_letters_are_alike() -> None:
    assert folded("STRASSE") == folded("Straße")


def test_every_input_item_has_an_id_of_its_own() -> None:
    items: Any = [{"type": "x", "id": "a"}, {"type": "x", "id": "a"}, {"type": "x"}, {"id": ""}]
    spare_ids = ["resp_1-0", "resp_1-1", "resp_2-0", "resp_2-1"]

    ids = [each["id"] for each in item_objects([*zip(spare_ids, items, strict=True)])]

    assert ids == ["resp_1-0", "a", "resp_2-0", "resp_2-1"]
