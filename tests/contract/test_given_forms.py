"""Samples that rows bring, form by form: what templates and output items make of each (contract 5.1)."""

from dataclasses import dataclass, field
from typing import Any

import openai
import pytest

from tests.contract.making import EXACT, completed, items_of, jsonl, new_eval

CALL: Any = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"n": 1}'}}
CALL_ITEM: Any = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "c1",
    "name": "look",
    "arguments": '{"n": 1}',
    "status": "completed",
}


def said(text: str, **also: Any) -> Any:
    """Give the message item of a response."""
    content = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]
    return {"type": "message", "id": "msg_1", "role": "assistant", "content": content, **also}


def response(*output: Any, **also: Any) -> Any:
    """Give a response as `model_dump()` gives it: unset optionals are null."""
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1750000000.0,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": "gpt-4o-2024-08-06",
        "output": list(output),
        "parallel_tool_calls": True,
        "temperature": 0.5,
        "top_p": None,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": 11,
            "input_tokens_details": {"cached_tokens": 4},
            "output_tokens": 3,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 14,
        },
        **also,
    }


def completion(message: Any, **also: Any) -> Any:
    return {
        "choices": [{"index": 0, "finish_reason": "stop", "message": message, **also}],
        "model": "gpt-4o-2024-08-06",
    }


@dataclass(frozen=True)
class Form:
    """A sample, and what is made of it."""

    sample: Any
    text: str = "Paris"
    finish_reason: str = "stop"
    also_shown: Any = field(default_factory=dict)
    """Keys of the shown message beside role and content."""
    tools: int = 0


FORMS: dict[str, Form] = {
    "a chat completion": Form(completion({"role": "assistant", "content": "Paris"})),
    "content in parts": Form(
        completion({"role": "assistant", "content": [{"type": "text", "text": "Paris"}]})
    ),
    "a chat completion with a call": Form(
        completion({"content": None, "tool_calls": [CALL]}, finish_reason="tool_calls"),
        text="",
        finish_reason="tool_calls",
        also_shown={"tool_calls": [CALL]},
        tools=1,
    ),
    "a chat refusal": Form(
        completion({"content": None, "refusal": "No."}), text="", also_shown={"refusal": "No."}
    ),
    "a text by hand": Form({"output_text": "Paris"}, finish_reason=""),
    "a text and tools by hand": Form(
        {"output_text": "Paris", "output_tools": [CALL]}, finish_reason="", tools=1
    ),
    "a response": Form(response(said("Paris"))),
    "a response in two messages": Form(response(said("Par"), said("is"))),
    "thoughts before the message": Form(
        response({"type": "reasoning", "id": "rs_1", "summary": []}, said("Paris"))
    ),
    "a hosted tool before the message": Form(
        response({"type": "web_search_call", "id": "ws_1", "status": "completed"}, said("Paris"))
    ),
    "a response with a call": Form(
        response(CALL_ITEM),
        text="",
        finish_reason="tool_calls",
        also_shown={"tool_calls": [CALL]},
        tools=1,
    ),
    "a response with a call of MCP": Form(
        response(
            {
                "type": "mcp_call",
                "id": "mcp_1",
                "server_label": "docs",
                "name": "look",
                "arguments": "{}",
                "output": "x",
            },
            said("Paris"),
        ),
        tools=1,
    ),
    "a response that refuses": Form(
        response(said("", content=[{"type": "refusal", "refusal": "No."}])),
        text="",
        also_shown={"refusal": "No."},
    ),
    "a response that was cut off": Form(
        response(
            said("Paris"),
            status="incomplete",
            incomplete_details={"reason": "max_output_tokens"},
        ),
        finish_reason="length",
    ),
    "output items alone": Form({"output": [said("Paris")]}),
    "the sample of an output item": Form(
        {"output": [{"role": "assistant", "content": "Paris"}], "finish_reason": "stop"}
    ),
    "a response without output": Form(response(), text=""),
}

TEXT = {**EXACT, "name": "text", "input": "<{{ sample.output_text }}>"}
TOOLS = {**EXACT, "name": "tools", "input": "{{ sample.output_tools[0].function.name }}"}
NO_MORE = {**EXACT, "name": "no more", "input": "{{ sample.output_tools[1] }}", "reference": ""}


def graded(client: openai.OpenAI, sample: Any, *criteria: Any) -> Any:
    """Grade one row with a sample, and give its output item."""
    row: Any = {"item": {"question": "q", "answer": "a"}, "sample": sample}
    run = completed(client, new_eval(client, *criteria).id, jsonl(row))
    (item,) = items_of(client, run)
    return item.to_dict()


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_form_of_a_sample_is_seen_by_templates(client: openai.OpenAI, form: Form) -> None:
    item = graded(
        client,
        form.sample,
        {**TEXT, "reference": f"<{form.text}>"},
        {**TOOLS, "reference": "look" if form.tools else ""},
        NO_MORE,
    )

    assert [result["name"] for result in item["results"] if not result["passed"]] == []


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_form_of_a_sample_is_shown_as_a_chat_message(client: openai.OpenAI, form: Form) -> None:
    sample = graded(client, form.sample, TEXT)["sample"]

    assert sample["finish_reason"] == form.finish_reason
    if form.sample.get("output") == []:
        return  # it said nothing, and whether that is a message is of no account
    (message,) = sample["output"]
    shown = {key: message.get(key) for key in ("role", *form.also_shown)}
    assert shown == {"role": "assistant", **form.also_shown}
    assert message["content"] == form.text


def test_a_response_is_shown_with_its_model_its_usage_and_its_params(
    client: openai.OpenAI,
) -> None:
    sample = graded(client, response(said("Paris")), TEXT)["sample"]

    assert (sample["model"], sample["temperature"]) == ("gpt-4o-2024-08-06", 0.5)
    assert sample["usage"] == {
        "total_tokens": 14,
        "completion_tokens": 3,
        "prompt_tokens": 11,
        "cached_tokens": 4,
    }


@pytest.mark.parametrize(
    "failed",
    [
        response(status="failed", error={"code": "server_error", "message": "It broke."}),
        response(status="cancelled"),
        response(status="in_progress"),
    ],
    ids=["failed", "canceled", "not finished"],
)
def test_a_response_that_is_no_answer_is_an_errored_row_and_no_score(
    client: openai.OpenAI, failed: Any
) -> None:
    item = graded(client, failed, TEXT)

    assert item["status"] == "error"
    assert item["sample"]["error"]["message"]
    assert [result["error"]["code"] for result in item["results"]] == ["no_sample"]


ODD: dict[str, Any] = {
    "output of a text": {"object": "response", "output": "Paris"},
    "items that are none": response(1, None, "x"),
    "content of a number": response(said("x", content=5)),
    "parts that are none": response(said("x", content=[1, None])),
    "a text of a number": response(said("x", content=[{"type": "output_text", "text": 5}])),
    "a call without a name": response({"type": "function_call"}),
    "usage as a word": response(said("x"), usage="none"),
    "tokens as words": response(said("x"), usage={"input_tokens": "many"}),
    "a time of a wrong kind": response(said("x"), created_at="now"),
    "details of a wrong kind": response(said("x"), status="incomplete", incomplete_details=5),
}


@pytest.mark.parametrize("sample", ODD.values(), ids=ODD)
def test_an_odd_response_still_gives_an_item_of_the_right_form(
    client: openai.OpenAI, sample: Any
) -> None:
    item = graded(client, sample, TEXT)

    assert item["status"] == "fail"
