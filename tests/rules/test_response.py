"""Responses: each form that endpoints send becomes the chat completion that it means."""

from typing import Any

import pytest
from hypothesis import given

from evald.contract.json_types import JsonObject, JsonValue
from evald.rules import json_text
from evald.rules.response import (
    ResponseFault,
    chat_form,
    is_response,
    reported_fault,
    response_fault,
)
from evald.rules.sample import first_message, sample_namespace, shown_sample, usage_of
from tests.rules.json_values import JSON_OBJECTS, JSON_VALUES


def response(*output: JsonValue, **also: JsonValue) -> JsonObject:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_790_000_000,
        "status": "completed",
        "model": "m-2026",
        "output": list(output),
        **also,
    }


def said(*texts: str, **also: JsonValue) -> JsonObject:
    parts: list[JsonValue] = [
        {"type": "output_text", "text": text, "annotations": []} for text in texts
    ]
    return {"type": "message", "id": "msg_1", "role": "assistant", "content": parts, **also}


def refused(text: str) -> JsonObject:
    return {**said(), "content": [{"type": "refusal", "refusal": text}]}


FUNCTION: JsonObject = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "call_1",
    "name": "get_price",
    "arguments": '{"symbol": "ABC"}',
    "status": "completed",
}
CUSTOM: JsonObject = {
    "type": "custom_tool_call",
    "id": "ctc_1",
    "call_id": "call_2",
    "name": "shell",
    "input": "ls",
}
MCP: JsonObject = {
    "type": "mcp_call",
    "id": "mcp_1",
    "server_label": "docs",
    "name": "search",
    "arguments": '{"query": "tokens"}',
    "output": "three pages",
    "error": None,
}
MCP_TOOLS: JsonObject = {"type": "mcp_list_tools", "id": "mcpl_1", "server_label": "docs"}
SEARCH: JsonObject = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
REASONING: JsonObject = {"type": "reasoning", "id": "rs_1", "summary": []}

FUNCTION_CALL: JsonObject = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "get_price", "arguments": '{"symbol": "ABC"}'},
}
CUSTOM_CALL: JsonObject = {
    "id": "call_2",
    "type": "custom",
    "custom": {"name": "shell", "input": "ls"},
}
MCP_CALL: JsonObject = {
    **MCP,
    "function": {"name": "search", "arguments": '{"query": "tokens"}'},
}


def summary(*texts: str) -> JsonObject:
    told: list[JsonValue] = [{"type": "summary_text", "text": text} for text in texts]
    return {**REASONING, "summary": told}


# name: response, content, finish_reason, what the message has beside them
MESSAGES: dict[str, tuple[JsonObject, str | None, str, JsonObject]] = {
    "a text": (response(said("4")), "4", "stop", {}),
    "a text in parts": (response(said("4", "2")), "42", "stop", {}),
    "two messages": (response(said("Wait. "), said("4")), "Wait. 4", "stop", {}),
    "a text after hosted tools": (response(SEARCH, MCP_TOOLS, said("4")), "4", "stop", {}),
    "an empty text": (response(said("")), "", "stop", {}),
    "nothing": (response(), "", "stop", {}),
    "no status": ({"object": "response", "output": [said("4")]}, "4", "stop", {}),
    "a function call": (
        *(response(FUNCTION), None, "tool_calls"),
        {"tool_calls": [FUNCTION_CALL]},
    ),
    "a call without a call id": (
        *(response({"type": "function_call", "id": "fc", "name": "f", "arguments": "{}"}), None),
        "tool_calls",
        {
            "tool_calls": [
                {"id": "fc", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ]
        },
    ),
    "text and two calls": (
        *(response(said("Let me see."), FUNCTION, CUSTOM), "Let me see.", "tool_calls"),
        {"tool_calls": [FUNCTION_CALL, CUSTOM_CALL]},
    ),
    "an MCP call": (
        *(response(MCP_TOOLS, MCP, said("Three.")), "Three.", "stop"),
        {"tool_calls": [MCP_CALL]},
    ),
    "MCP before function": (
        *(response(MCP, FUNCTION), None, "tool_calls"),
        {"tool_calls": [MCP_CALL, FUNCTION_CALL]},
    ),
    "a refusal": (response(refused("No.")), None, "stop", {"refusal": "No."}),
    "thoughts": (
        response({**REASONING, "content": [{"type": "reasoning_text", "text": "Hm."}]}, said("4")),
        "4",
        "stop",
        {"reasoning_content": "Hm."},
    ),
    "a summary of thoughts": (
        response(summary("First.", "Then."), said("4")),
        "4",
        "stop",
        {"reasoning_content": "First.\n\nThen."},
    ),
    "thoughts that are kept secret": (response(REASONING, said("4")), "4", "stop", {}),
    "cut at the limit": (*(response(said("4 and"), status="incomplete"), "4 and", "length", {}),),
    "cut while thinking": (
        response(
            REASONING, status="incomplete", incomplete_details={"reason": "max_output_tokens"}
        ),
        "",
        "length",
        {},
    ),
    "cut in a call": (
        response(FUNCTION, status="incomplete", incomplete_details=None),
        None,
        "length",
        {"tool_calls": [FUNCTION_CALL]},
    ),
    "filtered": (
        response(said("4"), status="incomplete", incomplete_details={"reason": "content_filter"}),
        "4",
        "content_filter",
        {},
    ),
    "a bare message of a dataset": (
        {"output": [{"role": "assistant", "content": "4", "tool_calls": [FUNCTION_CALL]}]},
        "4",
        "stop",
        {"tool_calls": [FUNCTION_CALL]},
    ),
    "what a user said in between": (
        response({"type": "message", "role": "user", "content": "?"}, said("4")),
        "4",
        "stop",
        {},
    ),
    "only the text": ({"object": "response", "output_text": "4"}, "4", "stop", {}),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_response_becomes_the_chat_completion_that_it_means(name: str) -> None:
    given, content, finish_reason, also = MESSAGES[name]

    chat = chat_form(given)

    message: JsonObject = {"role": "assistant", "content": content, "refusal": None, **also}
    assert chat["choices"] == [{"index": 0, "message": message, "finish_reason": finish_reason}]


def test_templates_see_the_text_the_calls_and_every_item_of_a_response() -> None:
    output: list[JsonValue] = [SEARCH, MCP, FUNCTION, said('{"a": 1}')]

    namespace = sample_namespace(chat_form(response(*output)))

    assert namespace["output_text"] == '{"a": 1}'
    assert namespace["output_json"] == {"a": 1}
    assert namespace["output_tools"] == [MCP_CALL, FUNCTION_CALL]
    assert namespace["output_items"] == namespace["output"] == output
    assert namespace["model"] == "m-2026"


def test_tools_that_the_endpoint_runs_itself_are_among_the_items_and_no_calls() -> None:
    namespace = sample_namespace(chat_form(response(SEARCH, MCP_TOOLS, said("4"))))

    assert namespace["output_tools"] == []
    assert namespace["output_items"] == [SEARCH, MCP_TOOLS, said("4")]


def test_usage_has_the_names_of_chat_completions() -> None:
    usage: JsonObject = {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 4},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 14,
    }
    chat = chat_form(response(said("4"), usage=usage))

    shown = shown_sample(chat, messages=[], sampling_params={}, error=None)

    assert shown["usage"] == {
        "total_tokens": 14,
        "completion_tokens": 5,
        "prompt_tokens": 9,
        "cached_tokens": 4,
    }
    assert usage_of(chat, "sampling").model_name == "m-2026"


@pytest.mark.parametrize("usage", [None, 5, [], {}, {"prompt_tokens": 3}])
def test_usage_of_another_form_is_left_as_it_is(usage: JsonValue) -> None:
    assert chat_form(response(said("4"), usage=usage))["usage"] == usage


def test_a_response_is_shown_with_its_text_its_calls_and_what_it_was_asked_with() -> None:
    chat = chat_form(response(summary("Hm."), said("Let me see."), FUNCTION))

    shown = shown_sample(chat, messages=[], sampling_params={"temperature": 0}, error=None)

    assert shown["output"] == [
        {
            "role": "assistant",
            "content": "Let me see.",
            "tool_calls": [FUNCTION_CALL],
            "reasoning_content": "Hm.",
        }
    ]
    assert (shown["finish_reason"], shown["model"]) == ("tool_calls", "m-2026")


SAMPLES: list[tuple[JsonObject, bool]] = [
    (response(), True),
    ({"object": "response"}, True),
    ({"output": []}, True),
    ({"object": "response", "choices": []}, False),
    ({"output": "4"}, False),
    ({"output_text": "4"}, False),
    ({}, False),
]


@pytest.mark.parametrize(("sample", "expected"), SAMPLES)
def test_a_response_is_told_from_other_samples(sample: JsonObject, expected: bool) -> None:
    assert is_response(sample) is expected


ERROR: JsonObject = {"code": "server_error", "message": "It broke."}
FAULTS: list[tuple[JsonObject, ResponseFault | None]] = [
    (response(said("4")), None),
    (response(said("4"), status="incomplete"), None),
    (response(said("4"), error=None), None),
    (response(said("4"), error=ERROR), None),
    ({"output": []}, None),
    (
        response(status="failed", error=ERROR),
        ResponseFault("upstream_error", "The response failed: server_error: It broke.", True),
    ),
    (
        response(status="failed", error=None),
        ResponseFault("upstream_error", "The response failed: no message", True),
    ),
    (
        {"object": "response", "output": [], "error": ERROR},
        ResponseFault("upstream_error", "The response failed: server_error: It broke.", True),
    ),
    (
        response(status="cancelled"),
        ResponseFault("upstream_error", "The endpoint canceled the response.", True),
    ),
    (
        response(status="queued"),
        ResponseFault(
            "invalid_response", "The response is not finished: its status is queued.", False
        ),
    ),
    (
        response(status="in_progress"),
        ResponseFault(
            "invalid_response", "The response is not finished: its status is in_progress.", False
        ),
    ),
]


@pytest.mark.parametrize(("given", "fault"), FAULTS)
def test_a_response_that_did_not_end_well_is_no_sample(
    given: JsonObject, fault: ResponseFault | None
) -> None:
    assert response_fault(given) == fault


@pytest.mark.parametrize(
    ("code", "kept", "is_passing"),
    [
        ("rate_limit_exceeded", "rate_limit_exceeded", True),
        ("server_error", "upstream_error", True),
        ("vector_store_timeout", "upstream_error", True),
        (None, "upstream_error", True),
        (503, "upstream_error", True),
        (400, "invalid_request", False),
        ("invalid_prompt", "invalid_request", False),
        ("image_too_large", "invalid_request", False),
        ("bio_policy", "invalid_request", False),
        ([], "upstream_error", True),
        (["odd"], "invalid_request", False),
    ],
)
def test_only_faults_that_may_pass_are_worth_another_try(
    code: Any, kept: str, is_passing: bool
) -> None:
    fault = reported_fault({"code": code, "message": "Why."})

    assert (fault.code, fault.is_passing) == (kept, is_passing)
    assert fault.message.endswith("Why.")


@given(JSON_VALUES)
def test_whatever_an_endpoint_calls_an_error_is_a_fault_with_a_message(error: JsonValue) -> None:
    assert reported_fault(error).message.startswith("The response failed: ")


@given(
    JSON_OBJECTS
    | JSON_OBJECTS.map(lambda item: response(item))
    | JSON_OBJECTS.map(lambda more: response({**said("4"), **more}, {**MCP, **more}))
)
def test_any_object_becomes_a_chat_completion_with_one_message(given: JsonObject) -> None:
    chat = chat_form(given)

    message = first_message(chat)
    assert message["role"] == "assistant"
    assert message["content"] is None or isinstance(message["content"], str)
    assert isinstance(sample_namespace(chat)["output_text"], str)
    assert json_text.dump(shown_sample(chat, messages=[], sampling_params={}, error=None))
