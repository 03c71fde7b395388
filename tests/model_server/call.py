"""One call for a chat completion, a response or embeddings as the server reads it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import orjson

Api: TypeAlias = Literal["chat", "responses", "embeddings"]


class UnreadableCall(ValueError):
    """The body is no request of its kind; the message says why."""


@dataclass(frozen=True, slots=True)
class Call:
    """What the answer to a call depends on."""

    model: str
    message: str  # the text of the last user message, "" if there is none; or all texts to embed
    prompt_tokens: int  # words of all messages or texts
    stream: bool
    wants_usage: bool  # stream_options.include_usage
    parameters: dict[str, object]  # the whole body
    api: Api
    embeds: Sequence[str] = ()  # the texts to embed


def call_from(body: bytes, api: Literal["chat", "responses"]) -> Call:
    """Read a request body; raise ValueError if it is no request to this API."""
    parameters = orjson.loads(body)
    entries = parameters.get("messages" if api == "chat" else "input")
    if api == "responses" and isinstance(entries, str):
        entries = [{"role": "user", "content": entries}]
    if not isinstance(entries, list):
        raise UnreadableCall("messages is missing")
    message, words = "", 0
    for entry in entries:
        text = text_of(entry["content"]) if entry.get("content") else ""
        words += text.count(" ") + 1
        if entry.get("role") == "user":
            message = text
    options = parameters.get("stream_options") or {}
    return Call(
        model=str(parameters.get("model", "")),
        message=message,
        prompt_tokens=words,
        stream=bool(parameters.get("stream")),
        wants_usage=bool(options.get("include_usage")),
        parameters=parameters,
        api=api,
    )


def text_of(content: object) -> str:
    """Give a message's text: the content itself, or its text parts joined."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise UnreadableCall("content is neither a text nor a list of parts")
    return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))


def embedding_call_from(body: bytes) -> Call:
    """Read a request body; raise ValueError if it is no request for embeddings."""
    parameters = orjson.loads(body)
    texts = parameters.get("input") if isinstance(parameters, dict) else None
    texts = [texts] if isinstance(texts, str) else texts
    if not isinstance(texts, list) or not all(isinstance(text, str) and text for text in texts):
        raise UnreadableCall("input is neither a text nor a list of texts")
    return Call(
        model=str(parameters.get("model", "")),
        message="\n".join(texts),
        prompt_tokens=sum(text.count(" ") + 1 for text in texts),
        stream=False,
        wants_usage=False,
        parameters=parameters,
        api="embeddings",
        embeds=texts,
    )
