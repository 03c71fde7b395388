"""Rows that bring their samples along, in each form that clients have (contract 5.1)."""

from typing import Any

import openai
import pytest

from tests.contract.making import EXACT, completed, items_of, jsonl, new_eval
from tests.model_server.client import ModelServer

# What `model_dump()` gives for a chat completion: unset optionals are null.
WHOLE: Any = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1750000000,
    "model": "gpt-4o-mini-2024-07-18",
    "service_tier": "default",
    "system_fingerprint": "fp_1",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "logprobs": None,
            "message": {
                "role": "assistant",
                "content": "Paris",
                "refusal": None,
                "annotations": [],
                "audio": None,
                "function_call": None,
                "tool_calls": None,
            },
        }
    ],
    "usage": {
        "prompt_tokens": 11,
        "completion_tokens": 3,
        "total_tokens": 14,
        "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    },
}
MINIMAL: Any = {
    "model": "gpt-4o",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Paris"}, "finish_reason": "stop"}
    ],
}
PARIS = {**EXACT, "reference": "Paris"}
NO_USAGE = {"total_tokens": 0, "completion_tokens": 0, "prompt_tokens": 0, "cached_tokens": 0}


def graded(client: openai.OpenAI, sample: Any, criterion: Any = PARIS) -> tuple[Any, Any]:
    """Grade one row with a sample, and give its run and its output item."""
    content: Any = {"item": {"question": "q", "answer": "a"}}
    if sample is not None:
        content["sample"] = sample
    run = completed(client, new_eval(client, criterion).id, jsonl(content))
    (item,) = items_of(client, run)
    return run, item.to_dict()


def test_a_whole_chat_completion_is_shown_with_its_model_and_usage(client: openai.OpenAI) -> None:
    run, item = graded(client, WHOLE)

    assert run.result_counts.passed == 1
    assert item["sample"]["model"] == "gpt-4o-mini-2024-07-18"
    assert item["sample"]["finish_reason"] == "stop"
    assert item["sample"]["output"] == [{"role": "assistant", "content": "Paris"}]
    assert item["sample"]["input"] == []
    assert item["sample"]["usage"] == {
        "total_tokens": 14,
        "completion_tokens": 3,
        "prompt_tokens": 11,
        "cached_tokens": 4,
    }


def test_a_minimal_chat_completion_is_enough(client: openai.OpenAI) -> None:
    run, item = graded(client, MINIMAL)

    assert run.result_counts.passed == 1
    assert item["sample"]["model"] == "gpt-4o"
    assert item["sample"]["output"] == [{"role": "assistant", "content": "Paris"}]
    assert item["sample"]["usage"] == NO_USAGE


def test_an_output_text_alone_is_enough(client: openai.OpenAI) -> None:
    run, item = graded(client, {"output_text": "Paris"})

    assert run.result_counts.passed == 1
    assert item["sample"]["output"] == [{"role": "assistant", "content": "Paris"}]


def test_a_row_without_a_sample_has_one_with_every_key(client: openai.OpenAI) -> None:
    run, item = graded(client, None)

    assert run.result_counts.failed == 1
    assert item["sample"] == {
        "input": [],
        "output": [],
        "finish_reason": "",
        "model": "",
        "usage": NO_USAGE,
        "error": None,
        "temperature": 1.0,
        "top_p": 1.0,
        "seed": None,
        "max_completions_tokens": None,
        "max_completion_tokens": None,
    }


def test_samples_in_rows_are_no_calls(client: openai.OpenAI, models: ModelServer) -> None:
    run, _ = graded(client, WHOLE)

    assert run.per_model_usage == []
    assert models.stats().started == 0


TOOLS = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"n": [3]}'}}]
CALLING: Any = {
    "choices": [{"message": {"role": "assistant", "content": None, "tool_calls": TOOLS}}]
}


def test_tool_calls_of_a_given_sample_are_shown_and_walked_into(client: openai.OpenAI) -> None:
    criterion = {
        **EXACT,
        "input": "{{ sample.output_tools[0].function.arguments.n[0] }}",
        "reference": "3",
    }

    run, item = graded(client, CALLING, criterion)

    assert run.result_counts.passed == 1
    assert item["sample"]["output"][0]["tool_calls"] == TOOLS


PLACES = {
    "output text": ("{{ sample.output_text }}", "Paris"),
    "first choice": ("{{sample.choices[0].message.content}}", "Paris"),
    "model": ("{{ sample.model }}", "gpt-4o"),
    "no tools": ("{{ sample.output_tools }}", "[]"),
    "missing": ("{{ sample.nothing.there }}", ""),
    "no output json": ("{{ sample.output_json }}", ""),
}


@pytest.mark.parametrize(("text", "expected"), PLACES.values(), ids=PLACES)
def test_templates_see_a_given_sample(client: openai.OpenAI, text: str, expected: str) -> None:
    run, _ = graded(client, MINIMAL, {**EXACT, "input": text, "reference": expected})

    assert run.result_counts.passed == 1


def test_a_json_text_is_output_json_as_well(client: openai.OpenAI) -> None:
    criterion = {**EXACT, "input": "{{ sample.output_json.city }}", "reference": "Paris"}

    run, _ = graded(client, {"output_text": '{"city": "Paris"}'}, criterion)

    assert run.result_counts.passed == 1


ODD_SAMPLES: dict[str, Any] = {
    "empty": {},
    "no choices": {"choices": []},
    "null choices": {"choices": None},
    "message is null": {"choices": [{"message": None}]},
    "content is a number": {"choices": [{"message": {"content": 5}}]},
    "usage is a word": {"choices": [], "usage": "none"},
    "tokens are words": {"usage": {"prompt_tokens": "many"}},
    "model is a number": {"model": 4, "output_text": "x"},
    "output_text is null": {"output_text": None},
    "finish_reason is a number": {"choices": [{"finish_reason": 1, "message": {"content": "x"}}]},
    "role is a number": {"choices": [{"message": {"role": 1, "content": "x"}}]},
    "cached tokens are a word": {"usage": {"prompt_tokens_details": {"cached_tokens": "x"}}},
    "cached tokens are a boolean": {"usage": {"prompt_tokens_details": {"cached_tokens": True}}},
    "prompt tokens are a boolean": {"usage": {"prompt_tokens": True}},
    "cached tokens are negative": {"usage": {"prompt_tokens_details": {"cached_tokens": -1}}},
    "tool calls are a word": {"choices": [{"message": {"content": "x", "tool_calls": "f"}}]},
    "parts": {"choices": [{"message": {"content": [{"type": "text", "text": "x"}, 1]}}]},
}


@pytest.mark.parametrize("sample", ODD_SAMPLES.values(), ids=ODD_SAMPLES)
def test_an_odd_sample_still_gives_an_item_of_the_right_form(
    client: openai.OpenAI, sample: Any
) -> None:
    run, item = graded(client, sample)

    assert run.result_counts.total == 1
    assert item["status"] == "fail"
