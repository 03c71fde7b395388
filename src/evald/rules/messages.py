"""Messages: from the API's form to a chat request, filled in for a row, and flattened for show.

An API message has one text, one content object or a list of both; a chat request knows strings and
parts. The form is changed once for a run, the places are filled in for every row, in every string
(contract section 5.5).
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from evald.contract.json_types import JsonObject, JsonValue
from evald.rules.template import (
    MISSING,
    Missing,
    Namespaces,
    RowNamespaces,
    compile_path,
    compile_template,
)

Render: TypeAlias = Callable[[Namespaces], JsonValue]
Messages: TypeAlias = "list[JsonObject]"


class UnusableMessages(ValueError):
    """A row holds no usable list of messages where the run refers to one."""


def compile_messages(template: Sequence[JsonObject]) -> Callable[[Namespaces], Messages]:
    """Give a function that renders these API messages as chat messages for one row."""
    renders = [_compile_object(chat_message(message)) for message in template]

    def rendered(namespaces: Namespaces) -> Messages:
        row = RowNamespaces.of(namespaces)  # one limit for all of them
        return [render(row) for render in renders]

    return rendered


def compile_reference(reference: str) -> Callable[[Namespaces], Messages]:
    """Give a function that takes the chat messages from a place in the row, such as `item.input`."""
    return _compile_place(reference, ("role",), chat_message)


def compile_items(reference: str) -> Callable[[Namespaces], Messages]:
    """Give a function that takes the input of a response from a place in the row.

    Its messages are in chat form; items that have no role, such as calls of tools, are as they are.
    """
    return _compile_place(reference, ("role", "type"), item_message)


def compile_logged(
    messages: Callable[[Namespaces], Messages],
) -> Callable[[Namespaces], Messages]:
    """Give a function that takes the messages of a logged call from the row; none if it has none."""

    def logged(namespaces: Namespaces) -> Messages:
        try:
            return messages(namespaces)
        except UnusableMessages:
            return []

    return logged


def _compile_place(
    reference: str, keys: Sequence[str], form: Callable[[JsonObject], JsonObject]
) -> Callable[[Namespaces], Messages]:
    """Give a function that takes a list from the row, of objects that each have one of the keys."""
    path = compile_path(reference)

    def referred(namespaces: Namespaces) -> Messages:
        value = path.look_up(namespaces) if path else MISSING
        if isinstance(value, str) and value:
            return [{"role": "user", "content": value}]
        if isinstance(value, Missing) or not isinstance(value, list) or not value:
            raise UnusableMessages(f"{reference} holds no list of messages in this row.")
        messages = [
            each for each in value if isinstance(each, dict) and any(k in each for k in keys)
        ]
        if len(messages) < len(value):
            raise UnusableMessages(f"{reference} holds something that is no message with a role.")
        return [form(message) for message in messages]

    return referred


def chat_message(message: JsonObject) -> JsonObject:
    """Give an API message in chat form. What already is in chat form stays as it is."""
    rest = {key: value for key, value in message.items() if key not in ("type", "content", "phase")}
    return {**rest, "content": _chat_content(message.get("content"))}


def item_message(item: JsonObject) -> JsonObject:
    """Give an input item of a response in chat form if it is a message, else as it is."""
    if "role" not in item:
        return item
    # What says where a message of an earlier response came from is no part of a new request.
    return chat_message({key: item[key] for key in item if key not in ("id", "status")})


def _chat_content(content: JsonValue) -> JsonValue:
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, list):
        return content
    parts = [_chat_part(part) for part in content]
    match parts:
        case [{"type": "text", "text": str(text)}]:
            return text
    return list(parts)


def _chat_part(part: JsonValue) -> JsonObject:
    if not isinstance(part, dict):
        return {"type": "text", "text": part}
    match part.get("type"):
        case "input_text" | "output_text":
            return {"type": "text", "text": part.get("text")}
        case "input_image" if isinstance(part.get("image_url"), str):
            image: JsonObject = {"url": part["image_url"]}
            if part.get("detail") is not None:
                image["detail"] = part["detail"]
            return {"type": "image_url", "image_url": image}
    return part


def _compile(value: JsonValue) -> Render:
    if isinstance(value, str):
        template = compile_template(value)
        if all(isinstance(part, str) for part in template.parts):
            return lambda _: value
        return template.render
    if isinstance(value, list):
        renders = [_compile(part) for part in value]
        return lambda namespaces: [render(namespaces) for render in renders]
    if isinstance(value, dict):
        return _compile_object(value)
    return lambda _: value


def _compile_object(value: JsonObject) -> Callable[[Namespaces], JsonObject]:
    renders = [(key, _compile(part)) for key, part in value.items()]
    return lambda namespaces: {key: render(namespaces) for key, render in renders}


def flat_messages(messages: Messages) -> list[JsonValue]:
    """Give chat messages as an output item shows them: every content one string."""
    return [{**message, "content": flat_content(message.get("content"))} for message in messages]


def flat_content(content: JsonValue) -> str:
    """Give a chat content as one string.

    Parts are joined by a space, an image becomes `<image>URL</image>` (contract section 3.5), audio
    is named without its data.
    """
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return " ".join(_flat_part(part) for part in content if isinstance(part, dict))


def _flat_part(part: JsonObject) -> str:
    match part:
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": "refusal", "refusal": str(text)}:
            return text
        case {"type": "image_url", "image_url": {"url": str(url)}}:
            return f"<image>{url}</image>"
        case {"type": "input_audio", "input_audio": {"format": str(form)}}:
            return f"<audio>{form}</audio>"
    return f"<{part.get('type')}>"
