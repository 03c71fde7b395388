"""Sampling params in the words of the API that is asked."""

from contextlib import suppress

import pytest
from hypothesis import given

from evald.contract.json_types import JsonObject, JsonValue
from evald.rules.api_params import NotSayable, chat_params, responses_params
from tests.rules.json_values import JSON_OBJECTS

SCHEMA: JsonObject = {"type": "object", "properties": {}}
FLAT_FORM: JsonObject = {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}
NESTED_FORM: JsonObject = {
    "type": "json_schema",
    "json_schema": {"name": "n", "schema": SCHEMA, "strict": True},
}
FLAT_TOOL: JsonObject = {"type": "function", "name": "f", "parameters": SCHEMA, "strict": False}
NESTED_TOOL: JsonObject = {
    "type": "function",
    "function": {"name": "f", "parameters": SCHEMA, "strict": False},
}
MCP: JsonObject = {"type": "mcp", "server_label": "docs", "server_url": "https://x/mcp"}


@pytest.mark.parametrize(
    ("params", "asked"),
    [
        ({}, {}),
        (
            {"temperature": 0, "top_p": 0.5, "new": [1]},
            {"temperature": 0, "top_p": 0.5, "new": [1]},
        ),
        ({"temperature": None, "seed": 7}, {}),
        ({"max_completions_tokens": 9}, {"max_output_tokens": 9}),
        ({"max_completion_tokens": 9}, {"max_output_tokens": 9}),
        ({"max_tokens": 9}, {"max_output_tokens": 9}),
        ({"max_output_tokens": 9}, {"max_output_tokens": 9}),
        ({"reasoning_effort": "low"}, {"reasoning": {"effort": "low"}}),
        (
            {"reasoning_effort": "low", "reasoning": {"summary": "auto", "effort": "high"}},
            {"reasoning": {"summary": "auto", "effort": "low"}},
        ),
        ({"text": {"format": FLAT_FORM}}, {"text": {"format": FLAT_FORM}}),
        ({"text": {"format": NESTED_FORM}}, {"text": {"format": FLAT_FORM}}),
        ({"text": {"format": None}}, {}),
        ({"text": {"verbosity": "low"}}, {"text": {"verbosity": "low"}}),
        ({"response_format": NESTED_FORM}, {"text": {"format": FLAT_FORM}}),
        (
            {"response_format": {"type": "json_object"}},
            {"text": {"format": {"type": "json_object"}}},
        ),
        ({"verbosity": "low"}, {"text": {"verbosity": "low"}}),
        ({"tools": [FLAT_TOOL, MCP]}, {"tools": [FLAT_TOOL, MCP]}),
        ({"tools": [NESTED_TOOL]}, {"tools": [FLAT_TOOL]}),
        ({"tool_choice": "required"}, {"tool_choice": "required"}),
        (
            {"tool_choice": {"type": "function", "function": {"name": "f"}}},
            {"tool_choice": {"type": "function", "name": "f"}},
        ),
        ({"model": "x", "input": [], "stream": True, "n": 4, "background": True}, {}),
    ],
)
def test_params_of_any_run_are_said_in_a_request_for_a_response(
    params: JsonObject, asked: JsonObject
) -> None:
    assert responses_params(params) == {"store": False, **asked}


def test_a_response_is_stored_only_if_that_is_asked_for() -> None:
    assert responses_params({"store": True}) == {"store": True}


@pytest.mark.parametrize(
    ("params", "asked"),
    [
        ({}, {}),
        ({"temperature": 0, "seed": 7, "new": [1]}, {"temperature": 0, "seed": 7, "new": [1]}),
        ({"max_completions_tokens": 9}, {"max_completions_tokens": 9}),
        ({"reasoning_effort": "low"}, {"reasoning_effort": "low"}),
        ({"reasoning": {"effort": "low", "summary": "auto"}}, {"reasoning_effort": "low"}),
        ({"text": {"format": FLAT_FORM}}, {"response_format": NESTED_FORM}),
        ({"text": {"format": {"type": "text"}}}, {"response_format": {"type": "text"}}),
        ({"text": {"verbosity": "low"}}, {"verbosity": "low"}),
        ({"text": None}, {}),
        ({"tools": [FLAT_TOOL]}, {"tools": [NESTED_TOOL]}),
        ({"tools": [NESTED_TOOL]}, {"tools": [NESTED_TOOL]}),
        ({"tools": None, "tool_choice": None}, {"tools": None, "tool_choice": None}),
        ({"tool_choice": "auto"}, {"tool_choice": "auto"}),
        (
            {"tool_choice": {"type": "function", "name": "f"}},
            {"tool_choice": {"type": "function", "function": {"name": "f"}}},
        ),
        ({"include": None}, {"include": None}),
    ],
)
def test_params_of_a_responses_run_are_said_in_a_chat_request(
    params: JsonObject, asked: JsonObject
) -> None:
    assert chat_params(params) == asked


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"tools": [FLAT_TOOL, MCP]}, "tools of type 'mcp'"),
        ({"tools": [{"type": "web_search_preview"}]}, "tools of type 'web_search_preview'"),
        ({"tool_choice": {"type": "file_search"}}, "tools of type 'file_search'"),
        ({"previous_response_id": "resp_1"}, "'previous_response_id'"),
        ({"instructions": "Be brief."}, "'instructions'"),
        ({"include": ["reasoning.encrypted_content"]}, "'include'"),
    ],
)
def test_what_chat_completions_have_no_words_for_is_named(params: JsonObject, named: str) -> None:
    with pytest.raises(NotSayable, match=named):
        chat_params(params)


@given(JSON_OBJECTS)
def test_any_params_give_a_request(params: JsonObject) -> None:
    asked: JsonValue = responses_params(params)

    assert isinstance(asked, dict)
    with suppress(NotSayable):
        assert isinstance(chat_params(params), dict)
