"""Samples: what templates see of them and what output items show, for every form they come in."""

import pytest
from hypothesis import given

from evald.contract.json_types import JsonObject, JsonValue
from evald.rules import json_text
from evald.rules.sample import sample_namespace, shown_sample, token_limit, usage_numbers
from tests.rules.json_values import JSON_OBJECTS, JSON_VALUES

CALL: JsonObject = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
REQUIRED = {
    "input",
    "output",
    "finish_reason",
    "model",
    "usage",
    "error",
    "temperature",
    "top_p",
    "seed",
    "max_completion_tokens",
    "max_completions_tokens",
}


def completion(message: JsonObject, **extra: JsonValue) -> JsonObject:
    choice: JsonObject = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"choices": [choice], **extra}


def shown(sample: JsonObject | None, **params: JsonValue) -> JsonObject:
    return shown_sample(sample, messages=[], sampling_params=params, error=None)


@pytest.mark.parametrize(
    ("sample", "text"),
    [
        (completion({"role": "assistant", "content": "4"}), "4"),
        (
            completion({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}),
            "a b",
        ),
        (completion({"content": None, "tool_calls": [CALL]}), ""),
        (completion({"content": "4"}, output_text="other"), "4"),
        ({"output_text": "4"}, "4"),
        ({"output_text": None}, ""),
        ({"choices": []}, ""),
        ({"choices": None, "output_text": "4"}, "4"),
        ({}, ""),
    ],
)
def test_output_text_is_the_text_of_the_first_choice(sample: JsonObject, text: str) -> None:
    assert sample_namespace(sample)["output_text"] == text


@pytest.mark.parametrize(
    ("sample", "tools"),
    [
        (completion({"content": None, "tool_calls": [CALL]}), [CALL]),
        (completion({"content": "4", "tool_calls": None}), []),
        ({"output_text": "4", "output_tools": [CALL]}, [CALL]),
        ({"output_text": "4", "output_tools": None}, []),
        ({}, []),
        (completion({"content": "4", "tool_calls": "none"}), []),
        ({"output_tools": {"0": CALL}}, []),
    ],
)
def test_output_tools_is_always_a_list(sample: JsonObject, tools: JsonValue) -> None:
    assert sample_namespace(sample)["output_tools"] == tools


@pytest.mark.parametrize(
    ("text", "value"), [('{"a": [1]}', {"a": [1]}), ("4", 4), ("null", None), (' "x" ', "x")]
)
def test_output_json_is_there_when_the_text_is_json(text: str, value: JsonValue) -> None:
    assert sample_namespace(completion({"content": text}))["output_json"] == value


@pytest.mark.parametrize("text", ["", "four", "NaN", "{'a': 1}", "```json\n{}\n```", "1e400"])
def test_output_json_is_absent_when_the_text_is_no_json(text: str) -> None:
    assert "output_json" not in sample_namespace(completion({"content": text}))


def test_an_output_json_that_a_row_brings_along_is_kept() -> None:
    sample: JsonObject = {"output_text": '{"a": 1}', "output_json": {"a": 2}}

    assert sample_namespace(sample)["output_json"] == {"a": 2}


def test_audio_is_seen_as_output_audio() -> None:
    audio: JsonObject = {"id": "au1", "data": "AAAA", "transcript": "Hello"}

    namespace = sample_namespace(completion({"content": None, "audio": audio}))

    assert (namespace["output_audio"], namespace["output_text"]) == (audio, "")


def test_other_keys_of_a_sample_stay_readable_and_the_sample_unchanged() -> None:
    sample = completion({"content": "4"}, model="m", usage={"total_tokens": 3})
    before = json_text.dump(sample)

    namespace = sample_namespace(sample)

    assert (namespace["model"], namespace["choices"]) == ("m", sample["choices"])
    assert json_text.dump(sample) == before


@given(JSON_OBJECTS | JSON_OBJECTS.map(completion))
def test_any_sample_gives_a_namespace_with_text_and_tools(sample: JsonObject) -> None:
    namespace = sample_namespace(sample)

    assert isinstance(namespace["output_text"], str)
    assert isinstance(namespace["output_tools"], list)


@given(JSON_OBJECTS | JSON_OBJECTS.map(completion), JSON_OBJECTS)
def test_a_shown_sample_has_every_required_key_whatever_the_model_sent(
    sample: JsonObject, params: JsonObject
) -> None:
    error: JsonObject = {"code": "timeout", "message": "late"}

    result = shown_sample(sample, messages=[{"role": "user"}], sampling_params=params, error=error)

    assert set(result) == REQUIRED
    assert result["error"] == error
    assert json_text.dump(result)


def test_without_a_sample_the_shown_one_is_empty() -> None:
    assert shown(None) == {
        "input": [],
        "output": [],
        "finish_reason": "",
        "model": "",
        "usage": {
            "total_tokens": 0,
            "completion_tokens": 0,
            "prompt_tokens": 0,
            "cached_tokens": 0,
        },
        "error": None,
        "temperature": 1.0,
        "top_p": 1.0,
        "seed": None,
        "max_completion_tokens": None,
        "max_completions_tokens": None,
    }


def test_the_shown_output_has_text_tool_calls_refusal_and_reasoning() -> None:
    message: JsonObject = {
        "role": "assistant",
        "content": None,
        "tool_calls": [CALL],
        "refusal": "No.",
        "reasoning_content": "Hm.",
        "annotations": [],
    }

    assert shown(completion(message))["output"] == [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [CALL],
            "refusal": "No.",
            "reasoning_content": "Hm.",
        }
    ]


def test_a_bare_output_text_is_shown_as_an_answer() -> None:
    assert shown({"output_text": "4"})["output"] == [{"role": "assistant", "content": "4"}]


def test_params_that_were_given_are_shown_zero_too() -> None:
    result = shown({}, temperature=0, top_p=0.5, seed=0, max_completion_tokens=16)

    assert [result[key] for key in ("temperature", "top_p", "seed")] == [0, 0.5, 0]
    assert [result["max_completion_tokens"], result["max_completions_tokens"]] == [16, 16]


@pytest.mark.parametrize(
    "name",
    ["max_completion_tokens", "max_completions_tokens", "max_output_tokens", "max_tokens"],
)
def test_the_token_limit_is_known_by_each_of_its_names(name: str) -> None:
    assert token_limit({"max_completion_tokens": None, name: 9}) == 9


@pytest.mark.parametrize(
    ("usage", "numbers"),
    [
        ({"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}, (7, 2, 5, 0)),
        ({"prompt_tokens": 5, "completion_tokens": 2}, (7, 2, 5, 0)),
        ({"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}}, (5, 0, 5, 4)),
        ({"prompt_tokens": 5, "prompt_tokens_details": None, "cached_tokens": 4}, (5, 0, 5, 4)),
        ({"prompt_tokens": 5, "cached_tokens": 4}, (5, 0, 5, 4)),
        (None, (0, 0, 0, 0)),
        ("many", (0, 0, 0, 0)),
        ({"prompt_tokens": "5", "completion_tokens": None, "total_tokens": 7.5}, (0, 0, 0, 0)),
        ({"prompt_tokens": -5, "total_tokens": -1}, (0, 0, 0, 0)),
        ({"prompt_tokens": True, "total_tokens": 2**64 - 1}, (0, 0, 0, 0)),
        ({"prompt_tokens_details": {"cached_tokens": 2**64 - 1}}, (0, 0, 0, 0)),
        ({"prompt_tokens_details": {"cached_tokens": -3}}, (0, 0, 0, 0)),
    ],
)
def test_usage_is_four_numbers_of_sound_size(
    usage: JsonValue, numbers: tuple[int, int, int, int]
) -> None:
    names = ("total_tokens", "completion_tokens", "prompt_tokens", "cached_tokens")

    assert usage_numbers(usage) == dict(zip(names, numbers, strict=True))


@given(JSON_VALUES | JSON_OBJECTS.map(lambda numbers: {"prompt_tokens_details": numbers}))
def test_whatever_an_endpoint_calls_usage_can_be_added_up(usage: JsonValue) -> None:
    numbers = usage_numbers(usage)

    assert all(type(number) is int and 0 <= number < 2**54 for number in numbers.values())
