"""The objects of the Responses API that make up an answer: whole responses and events."""

from collections.abc import Iterator

from tests.model_server.call import Call
from tests.model_server.completion import CREATED, JsonObject, pieces, text_of_answer
from tests.model_server.script import Step, ToolCall

CUT_FOR = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""What `incomplete_details` says for the finish reasons of a chat completion."""


def whole_response(call: Call, step: Step, number: int) -> JsonObject:
    """Give the response object of an unstreamed answer."""
    text = text_of_answer(call, step)
    status = "incomplete" if step.finish_reason in CUT_FOR else step.response_status
    failed = status == "failed"
    response = head(call, step, number)
    return {
        **response,
        "status": status,
        "error": {"code": step.code, "message": step.message} if failed else None,
        "incomplete_details": (
            {"reason": CUT_FOR[step.finish_reason or ""]} if status == "incomplete" else None
        ),
        "output": [] if failed else output(step, text),
        "usage": response_usage(call, step, text) if step.usage and not failed else None,
    }


def head(call: Call, step: Step, number: int) -> JsonObject:
    """Give what a response has from its beginning on."""
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": CREATED,
        "status": "in_progress",
        "model": step.answers_as or call.model,
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": call.parameters.get("tools") or [],
        "temperature": 1.0,
        "top_p": 1.0,
    }


def output(step: Step, text: str | None) -> list[JsonObject]:
    """Give the items of the output: thoughts, those that the step has, the message, the calls."""
    items: list[JsonObject] = []
    if step.reasoning is not None:
        told = [{"type": "summary_text", "text": step.reasoning}]
        items.append({"type": "reasoning", "id": "rs_1", "summary": told})
    items += [dict(item) for item in step.items]
    content: list[JsonObject] = []
    if text is not None:
        content.append({"type": "output_text", "text": text, "annotations": []})
    if step.refusal is not None:
        content.append({"type": "refusal", "refusal": step.refusal})
    if content:
        message = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant"}
        items.append({**message, "content": content})
    return items + [call_item(place, tool) for place, tool in enumerate(step.tool_calls)]


def call_item(place: int, tool: ToolCall) -> JsonObject:
    """Give the call of a function as an item."""
    item: JsonObject = {"type": "function_call", "id": f"fc_{place}", "call_id": tool.id}
    return {**item, "name": tool.name, "arguments": tool.arguments, "status": "completed"}


def events(call: Call, step: Step, number: int) -> Iterator[JsonObject]:
    """Give the events of a streamed answer, in order."""
    begun = head(call, step, number)
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    whole = whole_response(call, step, number)
    items = whole["output"]
    assert isinstance(items, list)
    for place, item in enumerate(items):
        yield {"type": "response.output_item.added", "output_index": place, "item": {**item}}
        if item["type"] == "message":
            yield from deltas(item, place)
        yield {"type": "response.output_item.done", "output_index": place, "item": item}
    yield {"type": f"response.{last_word(whole)}", "response": whole}


def deltas(message: JsonObject, place: int) -> Iterator[JsonObject]:
    """Give the pieces of a message's parts."""
    parts = message["content"]
    assert isinstance(parts, list)
    for index, part in enumerate(parts):
        kind = part["type"]
        for piece in pieces(part.get("text") or part.get("refusal")):
            event = {"type": f"response.{kind}.delta", "item_id": "msg_1", "delta": piece}
            yield {**event, "output_index": place, "content_index": index}


def last_word(whole: JsonObject) -> str:
    """Give the name of the event that ends the stream of this response."""
    status = str(whole["status"])
    return status if status in ("incomplete", "failed") else "completed"


def response_usage(call: Call, step: Step, text: str | None) -> JsonObject:
    """Count words as tokens, as the usage of a chat completion does."""
    output_tokens = max(1, len(pieces(text)))
    return {
        "input_tokens": call.prompt_tokens,
        "input_tokens_details": {"cached_tokens": step.cached_tokens},
        "output_tokens": output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": call.prompt_tokens + output_tokens,
    }
