"""What a model was or is to be asked through the Responses API, and the same in chat form (pure).

A run holds its messages in chat form, whichever API it asks. Items that chat completions do not know,
such as the reasoning of an earlier turn, have no role; they stay as they are and go to no chat endpoint.
"""

from collections.abc import Iterable, Sequence

from evald.contract.json_types import JsonObject, JsonValue
from evald.rules.messages import Messages, chat_message, item_message


def asked_items(request: JsonObject) -> list[JsonObject]:
    """Give the input of a request for a response as items, its instructions as the first of them."""
    instructions, given = request.get("instructions"), request.get("input")
    items: list[JsonObject] = []
    if isinstance(instructions, str) and instructions:
        items.append({"role": "developer", "content": instructions})
    if isinstance(given, str):
        return [*items, {"role": "user", "content": given}]
    return items + [item for item in _listed(given) if isinstance(item, dict)]


def chat_messages(items: Iterable[JsonObject]) -> Messages:
    """Give messages and input items as chat messages, calls of functions and their outputs too.

    Items that chat completions do not know stay as they are, without a role.
    """
    messages: Messages = []
    for item in items:
        match item.get("type"):
            case "function_call" if "role" not in item:
                _add_call(messages, item)
            case "function_call_output" if "role" not in item:
                output: JsonObject = {"role": "tool", "content": item.get("output")}
                messages.append({**chat_message(output), "tool_call_id": item.get("call_id")})
            case _:
                messages.append(item_message(item))
    return messages


def _add_call(messages: Messages, item: JsonObject) -> None:
    """Add a call to the message that was just said, since one turn makes one chat message."""
    function: JsonObject = {"name": item.get("name"), "arguments": item.get("arguments")}
    call: JsonObject = {"id": item.get("call_id"), "type": "function", "function": function}
    last = messages[-1] if messages else {}
    if last.get("role") == "assistant":
        messages[-1] = {**last, "tool_calls": [*_listed(last.get("tool_calls")), call]}
    else:
        messages.append({"role": "assistant", "content": None, "tool_calls": [call]})


def shown_messages(items: Iterable[JsonObject]) -> Messages:
    """Give input items as an output item shows them: each with a role, the unknown ones named."""
    return [
        message if "role" in message else {"role": "assistant", "content": [message]}
        for message in chat_messages(items)
    ]


def input_items(messages: Iterable[JsonObject]) -> list[JsonValue]:
    """Give chat messages as the input of a request for a response."""
    return [item for message in messages for item in _items(message)]


def _items(message: JsonObject) -> list[JsonObject]:
    role, content = message.get("role"), message.get("content")
    if role is None:
        return [message]
    if role == "tool":
        call_id, output = message.get("tool_call_id"), _input_content(content, "input_text")
        return [{"type": "function_call_output", "call_id": call_id, "output": output}]
    calls = [_call_item(call) for call in _listed(message.get("tool_calls"))]
    if calls and not content:
        return calls
    if role == "assistant":
        # llama.cpp knows an earlier answer only by its type.
        said: JsonObject = {"type": "message", "role": role}
        return [{**said, "content": _input_content(content, "output_text")}, *calls]
    return [{"role": role, "content": _input_content(content, "input_text")}]


def _input_content(content: JsonValue, kind: str) -> JsonValue:
    if not isinstance(content, list):
        return "" if content is None else content
    return [_input_part(part, kind) for part in content]


def _input_part(part: JsonValue, kind: str) -> JsonValue:
    match part:
        case str():
            return {"type": kind, "text": part}
        case {"type": "text", "text": str(text)}:
            return {"type": kind, "text": text}
        case {"type": "image_url", "image_url": dict(image)}:
            detail = image.get("detail", "auto")
            return {"type": "input_image", "image_url": image.get("url"), "detail": detail}
    return part


def _call_item(call: JsonValue) -> JsonObject:
    known = call if isinstance(call, dict) else {}
    match known.get("type"), known.get("function"), known.get("custom"):
        case "function", dict(function), _:
            return _called("function_call", known, function, "arguments")
        case _, _, dict(custom):
            return _called("custom_tool_call", known, custom, "input")
    return {key: value for key, value in known.items() if key != "function"}


def _called(kind: str, call: JsonObject, named: JsonObject, given: str) -> JsonObject:
    item: JsonObject = {"type": kind, "call_id": call.get("id"), "name": named.get("name")}
    return {**item, given: named.get(given)}


def _listed(value: JsonValue) -> Sequence[JsonValue]:
    return value if isinstance(value, list) else []
