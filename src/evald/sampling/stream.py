"""A streamed chat completion put together again: server-sent events, then deltas (pure)."""

from dataclasses import dataclass, field

import orjson

from evald.contract.json_types import JsonObject, JsonValue

LONGEST_LINE = 8 * 1024 * 1024
HEAD = ("id", "created", "model", "system_fingerprint", "service_tier")
"""What every chunk says of the whole completion; it is taken from the first."""


class BrokenStream(ValueError):
    """The endpoint sent something that is no stream of chat completion chunks."""


class StreamError(ValueError):
    """The endpoint reported an error inside the stream."""

    def __init__(self, body: JsonObject) -> None:
        super().__init__("error in the stream")
        self.body = body


class EventLines:
    """Cuts a byte stream into the payloads of its `data:` lines."""

    def __init__(self) -> None:
        """Begin with nothing read."""
        self._rest = b""

    def feed(self, received: bytes) -> list[bytes]:
        """Give the payloads that are complete now. Raises BrokenStream on an endless line."""
        *lines, self._rest = (self._rest + received).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            raise BrokenStream("a line that does not end")
        return [line[5:].strip() for line in lines if line.startswith(b"data:")]


@dataclass
class _Choice:
    texts: dict[str, list[str]] = field(default_factory=dict)
    rest: JsonObject = field(default_factory=dict)
    tool_calls: dict[int, JsonObject] = field(default_factory=dict)
    finish_reason: str | None = None
    logprobs: JsonObject | None = None


class Assembly:
    """Adds up chunks to the completion that the endpoint would have sent without streaming."""

    def __init__(self) -> None:
        """Begin with no chunk."""
        self._head: JsonObject = {}
        self._usage: JsonValue = None
        self._choices: dict[int, _Choice] = {}

    @property
    def begun(self) -> bool:
        """Whether there was a choice at all."""
        return bool(self._choices)

    @property
    def finished(self) -> bool:
        """Whether every choice so far said why it ended."""
        choices = self._choices.values()
        return bool(choices) and all(choice.finish_reason for choice in choices)

    def add(self, payload: bytes) -> None:
        """Add one event. Raises BrokenStream or StreamError."""
        try:
            chunk = orjson.loads(payload)
        except orjson.JSONDecodeError as error:
            raise BrokenStream(f"an event that is no JSON: {error}") from None
        if not isinstance(chunk, dict):
            raise BrokenStream("an event that is no JSON object")
        if chunk.get("error"):
            raise StreamError(chunk)
        if not self._head:
            self._head = {key: chunk[key] for key in HEAD if chunk.get(key) is not None}
        self._usage = chunk.get("usage") or self._usage
        choices = chunk.get("choices") or []
        if not isinstance(choices, list):
            raise BrokenStream("an event whose choices are no list")
        for choice in choices:
            self._add_choice(choice)

    def _add_choice(self, change: JsonValue) -> None:
        index = change.get("index", 0) if isinstance(change, dict) else None
        if not isinstance(change, dict) or not isinstance(index, int):
            raise BrokenStream("a choice that has no usable form")
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice()
        reason = change.get("finish_reason")
        if isinstance(reason, str):
            choice.finish_reason = reason
        logprobs = change.get("logprobs")
        if isinstance(logprobs, dict):
            _add_logprobs(choice, logprobs)
        delta = change.get("delta")
        if isinstance(delta, dict):
            for key, value in delta.items():
                _add_delta(choice, key, value)

    def completion(self) -> JsonObject:
        """Give the whole chat completion."""
        choices: list[JsonValue] = [
            _whole(index, choice) for index, choice in sorted(self._choices.items())
        ]
        return {
            "object": "chat.completion",
            **self._head,
            "choices": choices,
            "usage": self._usage,
        }


def _whole(index: int, choice: _Choice) -> JsonObject:
    whole: JsonObject = {
        "index": index,
        "message": _message(choice),
        "finish_reason": choice.finish_reason,
    }
    return whole if choice.logprobs is None else {**whole, "logprobs": choice.logprobs}


def _add_logprobs(choice: _Choice, change: JsonObject) -> None:
    if choice.logprobs is None:
        choice.logprobs = {"content": None, "refusal": None}
    for key, value in change.items():
        known = choice.logprobs.get(key)
        if isinstance(known, list) and isinstance(value, list):
            known.extend(value)
        elif value is not None:
            choice.logprobs[key] = value


def _add_delta(choice: _Choice, key: str, value: JsonValue) -> None:
    if isinstance(value, str) and key != "role":
        choice.texts.setdefault(key, []).append(value)
    elif key == "tool_calls" and isinstance(value, list):
        for place, call in enumerate(value):
            if isinstance(call, dict):
                _add_tool_call(choice, call, place)
    elif key == "audio" and isinstance(value, dict):
        known = choice.rest.setdefault("audio", {})
        if isinstance(known, dict):
            _join(known, value, appended=("data", "transcript"))
    elif value is not None:
        choice.rest[key] = value


def _add_tool_call(choice: _Choice, change: JsonObject, place: int) -> None:
    index = change.get("index")
    call = choice.tool_calls.setdefault(index if isinstance(index, int) else place, {})
    for key, value in change.items():
        if key == "function" and isinstance(value, dict):
            function = call.setdefault("function", {})
            if isinstance(function, dict):
                _join(function, value, appended=("arguments",))
        elif key != "index" and value is not None:
            call[key] = value


def _join(known: JsonObject, change: JsonObject, *, appended: tuple[str, ...]) -> None:
    for key, value in change.items():
        before = known.get(key)
        if key in appended and isinstance(before, str) and isinstance(value, str):
            known[key] = before + value
        elif value is not None:
            known[key] = value


def _message(choice: _Choice) -> JsonObject:
    texts: JsonObject = {key: "".join(parts) for key, parts in choice.texts.items()}
    message: JsonObject = {"role": "assistant", "content": None, **choice.rest, **texts}
    if choice.tool_calls:
        message["tool_calls"] = [call for _, call in sorted(choice.tool_calls.items())]
    return message
