"""A stored response: what was asked and what was answered, put together (pure)."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import orjson

from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.stored_responses import METADATA, StoredResponse, Tag
from evald.rules import json_text
from evald.rules.response_input import asked_items
from evald.rules.stored_completion import USABLE_ID, Origin, id_of, model_of, time_of

ENDED: Final = ("completed", "incomplete")
"""Statuses of a response that came to an end of its own; one without a status counts as such."""
OF_THE_REQUEST: Final = (
    *("instructions", "max_output_tokens", "parallel_tool_calls", "previous_response_id"),
    *("prompt", "prompt_cache_key", "reasoning", "safety_identifier", "service_tier"),
    *("temperature", "text", "tool_choice", "tools", "top_p", "truncation", "user"),
)
"""What a response shows of its request; an endpoint that leaves it out is helped."""
NUMBERS: Final = ("temperature", "top_p")
LONGEST_TAG: Final = 512
"""Characters of what a response is found by; what is longer cannot be looked for."""
MOST_TOOLS: Final = 128
"""Tools by which a response is found."""


def whole_response(value: JsonValue) -> JsonObject | None:
    """Give the response that a JSON value is, or None where it is none that came to its end."""
    match value:
        case {"output": list(), **others} if isinstance(value, dict):
            return value if others.get("status") in (None, *ENDED) else None
    return None


def stored_response(request: JsonObject, answer: JsonObject, origin: Origin) -> StoredResponse:
    """Give the response to store. Raises BadJson when it cannot be kept exactly."""
    created_at = time_of(answer.get("created_at"), origin.now)
    body: JsonObject = {
        **answer,
        "object": "response",
        "id": id_of(answer, origin.spare_id),
        "created_at": created_at,
        "status": answer.get("status") or "completed",
        "model": model_of(answer) or model_of(request),
        "metadata": {**origin.metadata},
    }
    for key in OF_THE_REQUEST:
        body[key] = answer[key] if answer.get(key) is not None else request.get(key)
    return StoredResponse(
        id=str(body["id"]),
        created_at=created_at,
        tags=frozenset(_tags(request, body, origin.metadata)),
        instructions=folded(_instructions(body["instructions"])),
        body=json_text.dump(body),
        input=json_text.dump(asked_items({"input": request.get("input")})),
        previous_id=_previous_id(body),
    )


def with_id(response: StoredResponse, response_id: str) -> StoredResponse:
    """Give the same response under another id."""
    body = orjson.loads(response.body)
    return replace(response, id=response_id, body=json_text.dump({**body, "id": response_id}))


def folded(text: str) -> str:
    """Give a text as instructions are searched in: capital letters are as small ones."""
    return text.casefold().replace("\x00", "")


def number_text(number: float) -> str:
    """Give a number as responses are found by it: 1 is 1.0."""
    return repr(float(number))


def _tags(request: JsonObject, body: JsonObject, metadata: dict[str, str]) -> Iterable[Tag]:
    for name, value in metadata.items():
        yield METADATA, name, value
    for kind, texts in _named(request, body).items():
        for text in texts:
            if isinstance(text, str) and 0 < len(text) <= LONGEST_TAG and "\x00" not in text:
                yield kind, "", text


def _named(request: JsonObject, body: JsonObject) -> dict[str, list[JsonValue]]:
    reasoning = body["reasoning"]
    numbers: dict[str, list[JsonValue]] = {
        key: [number_text(number)]
        for key in NUMBERS
        if isinstance(number := body[key], int | float) and not isinstance(number, bool)
    }
    return {
        **numbers,
        "model": [model_of(request), body["model"]],
        "user": [body["user"], body["safety_identifier"]],
        "effort": [reasoning.get("effort")] if isinstance(reasoning, dict) else [],
        "tool": [name for tool in _tools(body) for name in _names(tool)],
    }


def _tools(body: JsonObject) -> list[JsonObject]:
    tools = body["tools"]
    listed = tools if isinstance(tools, list) else []
    return [tool for tool in listed if isinstance(tool, dict)][:MOST_TOOLS]


def _names(tool: JsonObject) -> list[JsonValue]:
    """Give the names of a tool: that of a function, else its type, and whose tools it brings."""
    kind = tool.get("type")
    return [tool.get("name"), tool.get("server_label"), None if kind == "function" else kind]


def _instructions(value: JsonValue) -> str:
    """Give the text of instructions, which an endpoint may show as the items that it made of them."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return _instructions(value.get("content") or value.get("text"))
    if isinstance(value, list):
        return "\n".join(filter(None, (_instructions(each) for each in value)))
    return ""


def _previous_id(body: JsonObject) -> str | None:
    given = body["previous_response_id"]
    return given if isinstance(given, str) and USABLE_ID.fullmatch(given) else None
