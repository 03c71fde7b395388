"""Sampling params in the words of the API that is asked (pure).

A run names them as its data source does (contract sections 5.2 and 5.3); evald may ask by the other
API, where the provider wants it or has no other.
"""

from collections.abc import Sequence
from typing import Final

from evald.contract.json_types import JsonObject, JsonValue
from evald.rules.sample import TOKEN_LIMIT_NAMES, token_limit

NOT_PARAMS: Final = frozenset(
    {"model", "messages", "input", "stream", "stream_options", "n", "background"}
)
"""Keys of a request that sampling params do not set."""
TOLD_OTHERWISE: Final = frozenset(
    {
        *(*NOT_PARAMS, *TOKEN_LIMIT_NAMES, "seed", "reasoning_effort"),
        *("text", "response_format", "verbosity"),
    }
)
"""Params that a request for a response has under another name, or not at all."""
ONLY_RESPONSES: Final = (
    *("instructions", "previous_response_id", "conversation", "prompt"),
    *("include", "truncation", "max_tool_calls", "context_management"),
)
"""What chat completions have no word for, and what would make another answer if it were left out."""


class NotSayable(ValueError):
    """Chat completions have no words for this request. The message goes on after "know no"."""


def responses_params(params: JsonObject) -> JsonObject:
    """Give sampling params, of whichever API, as a request for a response has them.

    `seed` is left out, since that API has none. Nothing is stored unless it is asked for.
    """
    body: JsonObject = {"store": False}
    body |= {
        key: value
        for key, value in params.items()
        if value is not None and key not in TOLD_OTHERWISE
    }
    limit = token_limit(params)
    if limit is not None:
        body["max_output_tokens"] = limit
    if params.get("reasoning_effort") is not None:
        body["reasoning"] = {**_object(body.get("reasoning")), "effort": params["reasoning_effort"]}
    if text := _text_params(params):
        body["text"] = text
    if isinstance(tools := body.get("tools"), list):
        body["tools"] = [_flat(tool) for tool in tools]
    if "tool_choice" in body:
        body["tool_choice"] = _flat(body["tool_choice"])
    return body


def _text_params(params: JsonObject) -> JsonObject:
    """Give what is asked of the text: its form and how long it is."""
    text: JsonObject = {}
    if params.get("response_format") is not None:
        text["format"] = _flat(params["response_format"])
    if params.get("verbosity") is not None:
        text["verbosity"] = params["verbosity"]
    for key, value in _object(params.get("text")).items():
        if value is not None:
            text[key] = _flat(value)
    return text


def _flat(part: JsonValue) -> JsonValue:
    """Give a tool, a choice or a form without the inner object that chat completions have."""
    match part:
        case {"type": "function", "function": dict(inner)}:
            return {"type": "function", **inner}
        case {"type": "json_schema", "json_schema": dict(inner)}:
            return {"type": "json_schema", **inner}
    return part


def chat_params(params: JsonObject) -> JsonObject:
    """Give the sampling params of a responses run as a request for a chat completion has them.

    Raises NotSayable where that would be another request.
    """
    for name in ONLY_RESPONSES:
        if params.get(name) is not None:
            raise NotSayable(f"'{name}'")
    body = {key: value for key, value in params.items() if key not in ("text", "reasoning")}
    text, reasoning = _object(params.get("text")), _object(params.get("reasoning"))
    if text.get("format") is not None:
        body["response_format"] = _nested(text["format"])
    if text.get("verbosity") is not None:
        body["verbosity"] = text["verbosity"]
    if reasoning.get("effort") is not None:
        body.setdefault("reasoning_effort", reasoning["effort"])
    if isinstance(tools := params.get("tools"), list):
        body["tools"] = _function_tools(tools)
    if isinstance(choice := params.get("tool_choice"), dict):
        body["tool_choice"] = _function_tools([choice])[0]
    return body


def _function_tools(tools: Sequence[JsonValue]) -> list[JsonValue]:
    for tool in tools:
        kind = _object(tool).get("type")
        if kind != "function":
            raise NotSayable(f"tools of type '{kind}'")
    return [_nested(tool) for tool in tools]


def _nested(part: JsonValue) -> JsonValue:
    """Give a tool, a choice or a form with the inner object that chat completions have."""
    inner: JsonObject = {key: value for key, value in _object(part).items() if key != "type"}
    match part:
        case {"type": "function", "name": _}:
            return {"type": "function", "function": inner}
        case {"type": "json_schema", "schema": _}:
            return {"type": "json_schema", "json_schema": inner}
    return part


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}
