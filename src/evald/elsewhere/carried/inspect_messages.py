"""Chat messages as Inspect has them.

Inspect has a conversion of its own, which looks for tags in texts; this one leaves texts alone.
"""

import json
from collections.abc import Iterable
from typing import Any, Final

from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageTool,
    ChatMessageUser,
    Content,
    ContentAudio,
    ContentImage,
    ContentText,
    ModelOutput,
)
from inspect_ai.tool import ToolCall

FINISHED: Final = {"max_tokens": "length"}
"""Reasons of Inspect for the end of an answer that chat completions have by another name."""


def inspect_messages(messages: Iterable[dict[str, Any]]) -> list[ChatMessage]:
    """Give chat messages to Inspect. Raises ValueError for what it does not know, and for files."""
    return [_message(message) for message in messages]


def _message(message: dict[str, Any]) -> ChatMessage:
    content = _content(message.get("content"))
    match message:
        case {"role": "system" | "developer"}:
            return ChatMessageSystem(content=content)
        case {"role": "user"}:
            return ChatMessageUser(content=content)
        case {"role": "assistant"}:
            calls = [_call(call) for call in message.get("tool_calls") or []]
            return ChatMessageAssistant(content=content, tool_calls=calls or None)
        case {"role": "tool"}:
            return ChatMessageTool(content=content, tool_call_id=message.get("tool_call_id"))
    raise ValueError(f"Inspect has no messages of the role {message.get('role')!r}.")


def _content(content: Any) -> str | list[Content]:
    if isinstance(content, list):
        return [_part(part) for part in content]
    return "" if content is None else str(content)


def _part(part: Any) -> Content:
    match part:
        case {"type": "text", "text": str(text)} | {"type": "refusal", "refusal": str(text)}:
            return ContentText(text=text)
        case {"type": "image_url", "image_url": {"url": str(url), **options}}:
            if not url.startswith(("https:", "http:", "data:")):
                # Inspect would read the file of that name, and send it.
                raise ValueError("An image in the messages is neither a URL nor data.")
            return ContentImage(image=url, detail=options.get("detail") or "auto")
        case {"type": "input_audio", "input_audio": {"data": str(data), "format": str(form)}}:
            kind = "audio/mpeg" if form == "mp3" else "audio/wav"
            return ContentAudio(audio=f"data:{kind};base64,{data}", format=form)
    raise ValueError("The messages have a part that Inspect does not know.")


def _call(call: dict[str, Any]) -> ToolCall:
    function = call.get("function") or {}
    try:
        arguments = json.loads(function.get("arguments") or "{}")
    except ValueError:
        arguments = {}
    return ToolCall(
        id=str(call.get("id")),
        function=str(function.get("name")),
        arguments=arguments if isinstance(arguments, dict) else {},
    )


def completion_from(output: ModelOutput) -> dict[str, Any]:
    """Give what a model of Inspect said as a chat completion."""
    choices = [
        {
            "index": 0,
            "message": _said(choice.message),
            "finish_reason": FINISHED.get(choice.stop_reason, choice.stop_reason),
        }
        for choice in output.choices[:1]
    ]
    return {"choices": choices, "model": output.model}


def _said(message: ChatMessageAssistant) -> dict[str, Any]:
    content = message.content
    parts = [ContentText(text=content)] if isinstance(content, str) else content
    texts = [part for part in parts if isinstance(part, ContentText)]
    said: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(part.text for part in texts if not part.refusal),
    }
    if refusal := "".join(part.text for part in texts if part.refusal):
        said["refusal"] = refusal
    if message.tool_calls:
        said["tool_calls"] = [_called(call) for call in message.tool_calls]
    return said


def _called(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.function, "arguments": json.dumps(call.arguments)}
    return {"id": call.id, "type": "function", "function": function}
