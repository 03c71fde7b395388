"""Messages: the API's form becomes the chat form, every place is filled in, and is shown flat."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.messages import Message, kept_message
from evald.contract.validation import read_request
from evald.rules.messages import (
    UnusableMessages,
    chat_message,
    compile_messages,
    compile_reference,
    flat_content,
    flat_messages,
)
from evald.rules.template import MOST_CHARACTERS, TextTooLong
from tests.rules.json_values import JSON_OBJECTS, JSON_VALUES

TEXT: JsonObject = {"type": "text", "text": "Look."}
IMAGE: JsonObject = {"type": "image_url", "image_url": {"url": "https://x/cat.png"}}
AUDIO: JsonObject = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}


@pytest.mark.parametrize(
    ("content", "chat"),
    [
        ("Look.", "Look."),
        ({"type": "input_text", "text": "Look."}, "Look."),
        ({"type": "output_text", "text": "Look."}, "Look."),
        ([{"type": "input_text", "text": "Look."}], "Look."),
        (["Look."], "Look."),
        (["Look.", "Here."], [TEXT, {"type": "text", "text": "Here."}]),
        ({"type": "input_image", "image_url": "https://x/cat.png"}, [IMAGE]),
        (
            ["Look.", {"type": "input_image", "image_url": "https://x/cat.png", "detail": "low"}],
            [
                TEXT,
                {"type": "image_url", "image_url": {"url": "https://x/cat.png", "detail": "low"}},
            ],
        ),
        (AUDIO, [AUDIO]),
        ([TEXT, IMAGE], [TEXT, IMAGE]),
        (None, None),
        ([], []),
    ],
)
def test_content_takes_the_form_of_a_chat_request(content: JsonValue, chat: JsonValue) -> None:
    message: JsonObject = {"type": "message", "role": "user", "content": content}

    assert chat_message(message) == {"role": "user", "content": chat}


def test_a_message_keeps_what_a_chat_request_knows_and_loses_the_rest() -> None:
    call: JsonObject = {
        "id": "c1",
        "type": "function",
        "function": {"name": "f", "arguments": "{}"},
    }
    message: JsonObject = {
        "type": "message",
        "phase": "final",
        "role": "assistant",
        "content": None,
        "tool_calls": [call],
    }

    assert chat_message(message) == {"role": "assistant", "content": None, "tool_calls": [call]}


@pytest.mark.parametrize(
    "content",
    [
        "{{ item.x }}",
        {"type": "input_text", "text": "Look."},
        ["Look.", {"type": "input_image", "image_url": "u", "detail": "low"}],
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
    ],
)
def test_the_kept_form_of_a_message_and_the_sent_one_give_the_same_request(
    content: JsonValue,
) -> None:
    sent: JsonObject = {"role": "user", "content": content}
    kept = kept_message(read_request(Message, sent))

    assert chat_message(kept) == chat_message(sent)


PARTS = st.sampled_from([TEXT, IMAGE, AUDIO]) | st.builds(
    lambda text: {"type": "input_text", "text": text}, st.text()
)
CONTENTS = st.text() | PARTS | st.lists(PARTS | st.text(), max_size=4) | JSON_VALUES


@given(CONTENTS)
def test_any_content_takes_the_chat_form_once_and_stays_in_it(content: JsonValue) -> None:
    once = chat_message({"role": "user", "content": content})

    assert chat_message(once) == once
    assert all(
        isinstance(flat["content"], str) for flat in flat_messages([once]) if isinstance(flat, dict)
    )


def test_all_messages_of_a_row_have_one_limit_together() -> None:
    content: JsonValue = [{"type": "input_text", "text": "{{ item.x }}"}] * 10
    messages = compile_messages([{"role": "user", "content": content}] * 10)

    with pytest.raises(TextTooLong):
        messages({"item": {"x": "x" * (MOST_CHARACTERS // 100)}})


def test_every_string_of_a_message_is_filled_in() -> None:
    render = compile_messages(
        [
            {"type": "message", "role": "{{ item.role }}", "content": "{{ item.q }}?"},
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "See {{ item.q }}"},
                    {
                        "type": "input_image",
                        "image_url": "{{ item.url }}",
                        "detail": "{{ item.d }}",
                    },
                    {
                        "type": "input_audio",
                        "input_audio": {"data": "{{ item.a }}", "format": "wav"},
                    },
                ],
            },
        ]
    )

    item: JsonObject = {"role": "system", "q": "Why", "url": "https://x", "d": "high", "a": "AAAA"}
    assert render({"item": item}) == [
        {"role": "system", "content": "Why?"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "See Why"},
                {"type": "image_url", "image_url": {"url": "https://x", "detail": "high"}},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            ],
        },
    ]


@given(st.lists(JSON_OBJECTS, min_size=1, max_size=3), st.lists(st.text(), min_size=2, max_size=2))
def test_rows_do_not_see_each_other(template: list[JsonObject], texts: list[str]) -> None:
    render = compile_messages([*template, {"role": "user", "content": "{{ item.x }}"}])

    first, second = (render({"item": {"x": text}}) for text in texts)
    first[0]["role"] = "changed"

    assert [first[-1]["content"], second[-1]["content"]] == texts
    assert render({"item": {"x": texts[1]}}) == second


def test_a_value_that_looks_like_a_message_stays_text() -> None:
    render = compile_messages([{"role": "user", "content": "{{ item.x }}"}])

    rendered = render({"item": {"x": [{"type": "input_image", "image_url": "u"}]}})

    assert rendered == [{"role": "user", "content": '[{"type":"input_image","image_url":"u"}]'}]


@pytest.mark.parametrize("reference", ["item.input", "{{ item.input }}", "item['input']"])
def test_a_reference_takes_the_messages_of_the_row(reference: str) -> None:
    messages: JsonValue = [
        {"type": "message", "role": "developer", "content": {"type": "input_text", "text": "Hi"}},
        {"role": "user", "content": "{{ item.secret }}"},
    ]

    given_messages = compile_reference(reference)({"item": {"input": messages, "secret": "s"}})

    assert given_messages == [
        {"role": "developer", "content": "Hi"},
        {"role": "user", "content": "{{ item.secret }}"},
    ]


def test_a_reference_to_a_text_makes_one_user_message() -> None:
    assert compile_reference("item.q")({"item": {"q": "Why?"}}) == [
        {"role": "user", "content": "Why?"}
    ]


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        [],
        {},
        5,
        True,
        ["text"],
        [{"content": "no role"}],
        [{"role": "user"}, None],
        {"role": "user"},
    ],
)
def test_a_row_without_a_list_of_messages_is_refused_by_name(value: JsonValue) -> None:
    with pytest.raises(UnusableMessages, match=r"^item\.input holds"):
        compile_reference("item.input")({"item": {"input": value}})


@pytest.mark.parametrize(
    "reference", ["item.absent", "input", "", "{{", "sample.messages", "item..x"]
)
def test_a_reference_that_leads_nowhere_is_refused(reference: str) -> None:
    with pytest.raises(UnusableMessages):
        compile_reference(reference)({"item": {"input": [{"role": "user", "content": "x"}]}})


@pytest.mark.parametrize(
    "part", [{"type": "text"}, {"type": "input_text"}, {"type": "text", "text": 5}]
)
def test_a_text_part_without_a_text_is_passed_on_for_the_model_to_refuse(part: JsonObject) -> None:
    messages = compile_reference("item.m")({"item": {"m": [{"role": "user", "content": [part]}]}})

    assert isinstance(messages[0]["content"], list)


@pytest.mark.parametrize(
    ("content", "flat"),
    [
        ("Look.", "Look."),
        ([TEXT, TEXT], "Look. Look."),
        ([TEXT, IMAGE], "Look. <image>https://x/cat.png</image>"),
        ([AUDIO], "<audio>wav</audio>"),
        ([{"type": "refusal", "refusal": "No."}], "No."),
        ([{"type": "file", "file": {}}], "<file>"),
        (None, ""),
        ([], ""),
        (5, ""),
    ],
)
def test_content_is_shown_as_one_text(content: JsonValue, flat: str) -> None:
    assert flat_content(content) == flat


def test_showing_messages_keeps_their_other_keys_and_changes_nothing_itself() -> None:
    message: JsonObject = {"role": "tool", "tool_call_id": "c1", "content": [TEXT]}

    assert flat_messages([message]) == [{"role": "tool", "tool_call_id": "c1", "content": "Look."}]
    assert message["content"] == [TEXT]
