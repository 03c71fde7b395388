"""A response of the Responses API, as a chat completion: the form in which samples are held (pure).

Clients read `sample.output[0]` and `output_tools` alike for both APIs (contract sections 3.5 and 6.1),
so a response is changed once, and everything after that knows one form.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from evald.contract.json_types import JsonObject, JsonValue
from evald.rules.retry import is_retried

OWN_CALLS: Final = ("function_call", "custom_tool_call")
"""Calls that the client is to carry out, so that the answer ended with them."""
PASSING_FAULTS: Final = (
    *("server_error", "internal_error", "internal_server_error"),
    *("rate_limit_exceeded", "too_many_requests", "vector_store_timeout", "timeout"),
)
"""The codes of failed responses for which the same request may be answered later."""
CHANGED: Final = frozenset({"object", "created_at", "output_text", "usage"})
"""Keys of a response that its chat form has in another shape."""


@dataclass(frozen=True, slots=True)
class ResponseFault:
    """Why a response is no sample. `code` is a stable word, `message` says it in words."""

    code: str
    message: str
    is_passing: bool
    """Whether another try is worth it."""


def is_response(sample: JsonObject) -> bool:
    """Say whether a sample of a dataset is a response, or at least has its output items."""
    if "choices" in sample:
        return False
    return sample.get("object") == "response" or isinstance(sample.get("output"), list)


def response_fault(response: JsonObject) -> ResponseFault | None:
    """Give why a response is no sample, or None where it is one.

    A response that was cut off is a sample, as a chat completion is that ended with `length`.
    """
    status, error = response.get("status"), response.get("error")
    if status == "failed" or (error and status not in ("completed", "incomplete")):
        return reported_fault(error)
    if status == "cancelled":
        return ResponseFault("upstream_error", "The endpoint canceled the response.", True)
    if status in ("queued", "in_progress"):
        message = f"The response is not finished: its status is {status}."
        return ResponseFault("invalid_response", message, False)
    return None


def reported_fault(error: JsonValue) -> ResponseFault:
    """Give what the `error` of a response or of its stream means, in the endpoint's words."""
    told = error if isinstance(error, dict) else {"message": error}
    code, said = told.get("code"), told.get("message")
    words = [str(word) for word in (code, said) if word]
    message = f"The response failed: {': '.join(words) or 'no message'}"
    if isinstance(code, int) and 400 <= code < 600:  # vLLM names the status that it means
        passing = is_retried(code)
    else:
        passing = not code or code in PASSING_FAULTS
    if code == "rate_limit_exceeded":
        return ResponseFault("rate_limit_exceeded", message, True)
    return ResponseFault("upstream_error" if passing else "invalid_request", message, passing)


def chat_form(response: JsonObject) -> JsonObject:
    """Give a response as a chat completion of one choice.

    All its items stay readable as `output_items`, the name that others have for them, and its other
    keys as they are.
    """
    items = [item for item in _listed(response.get("output")) if isinstance(item, dict)]
    message = _message(items, response.get("output_text"))
    choice: JsonObject = {
        "index": 0,
        "message": message,
        "finish_reason": _finish_reason(response, items),
    }
    return {
        **{key: value for key, value in response.items() if key not in CHANGED},
        "object": "chat.completion",
        "created": response.get("created_at"),
        "choices": [choice],
        "usage": _chat_usage(response.get("usage")),
        "output_items": list(items),
    }


def _message(items: Sequence[JsonObject], spare_text: JsonValue) -> JsonObject:
    """Give all that the model said as one message, and its calls of tools."""
    parts = [part for item in items if _is_said(item) for part in _parts(item.get("content"))]
    text = "".join(_texts(parts, "text"))
    if not items and isinstance(spare_text, str):
        text = spare_text
    refusal = "".join(_texts(parts, "refusal"))
    calls = [call for item in items for call in _tool_calls(item)]
    message: JsonObject = {
        "role": "assistant",
        "content": None if not text and (calls or refusal) else text,
        "refusal": refusal or None,
    }
    if calls:
        message["tool_calls"] = calls
    if thoughts := "\n\n".join(_thoughts(items)):
        message["reasoning_content"] = thoughts
    return message


def _is_said(item: JsonObject) -> bool:
    # Datasets also hold bare messages, as the samples of output items have them.
    is_message = item.get("type", "message") == "message"
    return is_message and item.get("role", "assistant") == "assistant"


def _parts(content: JsonValue) -> Iterable[JsonObject]:
    if isinstance(content, str):
        return [{"text": content}]
    parts: list[JsonObject] = []
    for part in _listed(content):
        if isinstance(part, dict):
            parts.append(part)
        elif isinstance(part, str):
            parts.append({"text": part})
    return parts


def _texts(parts: Iterable[JsonObject], key: str) -> Iterable[str]:
    return (text for part in parts if isinstance(text := part.get(key), str))


def _tool_calls(item: JsonObject) -> list[JsonValue]:
    """Give the calls of tools in an item as chat completions have them.

    MCP calls, which chat completions do not know, keep their keys and get the `function` of the others.
    """
    named: JsonObject = {"name": item.get("name"), "arguments": item.get("arguments")}
    call_id = item.get("call_id") or item.get("id")
    match item.get("type"):
        case "function_call":
            return [{"id": call_id, "type": "function", "function": named}]
        case "custom_tool_call":
            custom: JsonObject = {"name": item.get("name"), "input": item.get("input")}
            return [{"id": call_id, "type": "custom", "custom": custom}]
        case "mcp_call":
            return [{**item, "function": named}]
    # A bare message of a dataset may have them in chat form already.
    return _listed(item.get("tool_calls"))


def _thoughts(items: Iterable[JsonObject]) -> Iterable[str]:
    """Give the texts of reasoning items, or their summaries where the texts are kept secret."""
    for item in items:
        if item.get("type") == "reasoning":
            told = _parts(item.get("content")) or _parts(item.get("summary"))
            yield from (text for text in _texts(told, "text") if text)


def _finish_reason(response: JsonObject, items: Iterable[JsonObject]) -> str:
    if response.get("status") == "incomplete":
        details = response.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, dict) else None
        return "content_filter" if reason == "content_filter" else "length"
    if any(item.get("type") in OWN_CALLS for item in items):
        return "tool_calls"
    named = response.get("finish_reason")
    return named if isinstance(named, str) else "stop"


def _chat_usage(usage: JsonValue) -> JsonValue:
    """Give the usage of a response under the names of chat completions."""
    if not isinstance(usage, dict) or "input_tokens" not in usage:
        return usage
    return {
        "prompt_tokens": usage.get("input_tokens"),
        "completion_tokens": usage.get("output_tokens"),
        "total_tokens": usage.get("total_tokens"),
        "prompt_tokens_details": usage.get("input_tokens_details"),
        "completion_tokens_details": usage.get("output_tokens_details"),
    }


def _listed(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []
