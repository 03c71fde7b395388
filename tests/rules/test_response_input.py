"""What a model is asked, in the words of the Responses API and of chat completions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.contract.json_types import JsonObject, JsonValue
from evald.rules.messages import UnusableMessages, compile_items, flat_messages
from evald.rules.response_input import asked_items, chat_messages, input_items, shown_messages
from tests.rules.json_values import JSON_OBJECTS

USER: JsonObject = {"role": "user", "content": "What is ABC?"}
CALL: JsonObject = {
    "type": "function_call",
    "call_id": "call_1",
    "name": "get_price",
    "arguments": '{"symbol": "ABC"}',
}
OUTPUT: JsonObject = {"type": "function_call_output", "call_id": "call_1", "output": "3.5"}
REASONING: JsonObject = {"type": "reasoning", "id": "rs_1", "summary": []}
CHAT_CALL: JsonObject = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "get_price", "arguments": '{"symbol": "ABC"}'},
}
CHAT_CUSTOM: JsonObject = {"id": "c", "type": "custom", "custom": {"name": "sh", "input": "ls"}}


def parts(*each: JsonValue) -> list[JsonValue]:
    return list(each)


TEXT: JsonObject = {"type": "text", "text": "Look."}
IMAGE: JsonObject = {"type": "image_url", "image_url": {"url": "https://x/cat.png"}}
SHARP: JsonObject = {"type": "image_url", "image_url": {"url": "https://x/a.png", "detail": "high"}}
AUDIO: JsonObject = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}

IN_RESPONSES: dict[str, tuple[JsonObject, list[JsonObject]]] = {
    "a text": (USER, [USER]),
    "a developer's text": (
        {"role": "developer", "content": "Hi."},
        [{"role": "developer", "content": "Hi."}],
    ),
    "no text": ({"role": "user", "content": None}, [{"role": "user", "content": ""}]),
    "parts": (
        {"role": "user", "content": parts(TEXT, IMAGE, SHARP, AUDIO)},
        [
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "Look."},
                    {"type": "input_image", "image_url": "https://x/cat.png", "detail": "auto"},
                    {"type": "input_image", "image_url": "https://x/a.png", "detail": "high"},
                    AUDIO,
                ],
            }
        ],
    ),
    "parts that a model gave": (
        {"role": "assistant", "content": parts(TEXT, TEXT)},
        [
            {
                "type": "message",
                "role": "assistant",
                "content": [
                    {"type": "output_text", "text": "Look."},
                    {"type": "output_text", "text": "Look."},
                ],
            }
        ],
    ),
    "a call": ({"role": "assistant", "content": None, "tool_calls": [CHAT_CALL]}, [CALL]),
    "a text and calls": (
        {"role": "assistant", "content": "Wait.", "tool_calls": [CHAT_CALL, CHAT_CUSTOM]},
        [
            {"type": "message", "role": "assistant", "content": "Wait."},
            CALL,
            {"type": "custom_tool_call", "call_id": "c", "name": "sh", "input": "ls"},
        ],
    ),
    "what a tool gave": (
        {"role": "tool", "tool_call_id": "call_1", "content": "3.5"},
        [OUTPUT],
    ),
    "an item without a role": (REASONING, [REASONING]),
}


@pytest.mark.parametrize("name", IN_RESPONSES)
def test_a_chat_message_becomes_input_items(name: str) -> None:
    message, items = IN_RESPONSES[name]

    assert input_items([message]) == items


def test_calls_and_their_outputs_become_chat_messages_and_back() -> None:
    items = [USER, CALL, {**CALL, "call_id": "call_2"}, OUTPUT]

    messages = chat_messages(items)

    assert messages == [
        USER,
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [CHAT_CALL, {**CHAT_CALL, "id": "call_2"}],
        },
        {"role": "tool", "content": "3.5", "tool_call_id": "call_1"},
    ]
    assert input_items(messages) == items


def test_a_call_belongs_to_the_message_that_was_just_said() -> None:
    said: JsonObject = {
        "type": "message",
        "id": "msg_1",
        "status": "completed",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "Wait.", "annotations": []}],
    }

    assert chat_messages([said, CALL]) == [
        {"role": "assistant", "content": "Wait.", "tool_calls": [CHAT_CALL]}
    ]


def test_items_that_have_no_role_are_shown_by_their_name() -> None:
    shown = flat_messages(shown_messages([USER, REASONING, CALL]))

    assert shown == [
        USER,
        {"role": "assistant", "content": "<reasoning>"},
        {"role": "assistant", "content": "", "tool_calls": [CHAT_CALL]},
    ]


@pytest.mark.parametrize(
    ("request_body", "items"),
    [
        ({"input": "Hi"}, [{"role": "user", "content": "Hi"}]),
        (
            {"input": [USER, CALL], "instructions": "Be brief."},
            [{"role": "developer", "content": "Be brief."}, USER, CALL],
        ),
        ({"input": ["odd", USER], "instructions": None}, [USER]),
        ({}, []),
        ({"input": 5, "instructions": ["odd"]}, []),
    ],
)
def test_the_input_of_a_request_is_a_list_of_items(
    request_body: JsonObject, items: list[JsonObject]
) -> None:
    assert asked_items(request_body) == items


def test_a_place_in_the_row_may_hold_items_of_an_earlier_response() -> None:
    said: JsonObject = {"type": "message", "id": "m", "role": "assistant", "content": "Yes."}
    row: JsonObject = {"input": [USER, REASONING, said, CALL, OUTPUT]}

    items = compile_items("item.input")({"item": row})

    assert items == [USER, REASONING, {"role": "assistant", "content": "Yes."}, CALL, OUTPUT]


@pytest.mark.parametrize("value", [None, [], 5, {}, [{}], [{"content": "x"}], [USER, "x"]])
def test_a_place_without_items_is_refused(value: JsonValue) -> None:
    with pytest.raises(UnusableMessages, match=r"item\.input holds"):
        compile_items("item.input")({"item": {"input": value}})


@given(st.lists(JSON_OBJECTS, max_size=4))
def test_whatever_a_row_holds_as_items_can_be_shown_and_sent(items: list[JsonObject]) -> None:
    shown = flat_messages(shown_messages(items))

    assert all(isinstance(message, dict) and "role" in message for message in shown)
    assert len(input_items(items)) >= len(items)
