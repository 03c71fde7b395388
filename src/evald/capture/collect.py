"""Read along with an answer that passes by, and give it when it is whole."""

import re
from typing import Final, Protocol

import orjson

from evald.contract.json_types import JsonObject, JsonValue
from evald.rules.stored_response import whole_response
from evald.sampling.call import LARGEST_ANSWER
from evald.sampling.stream import Assembly, BrokenStream, EventLines, StreamError

DONE = b"[DONE]"


class Collector(Protocol):
    """Finds the answer in a body, or in a stream of events, without disturbing either."""

    ended: bool
    """Whether the event has come that a client takes for the end."""

    def take(self, piece: bytes) -> tuple[bytes, bytes]:
        """Read a piece. Give the part of it that may be passed on now, and the end that may not.

        The end is what a client must not see before the answer is kept.
        """
        ...

    def collected(self) -> JsonObject | None:
        """Give the answer, or None where it did not come to its end or cannot be understood."""
        ...

    def whole(self, body: bytes) -> JsonObject | None:
        """Give the answer that was not streamed, or None where the body is something else."""
        ...


class ChatCollector:
    """Collects a streamed chat completion."""

    def __init__(self) -> None:
        """Begin before the first event."""
        self._lines = EventLines()
        self._assembly = Assembly()
        self._size = 0
        self._usable = True
        self.ended = False

    def take(self, piece: bytes) -> tuple[bytes, bytes]:
        """Read a piece, and cut it before the event that ends the stream."""
        if not self.ended and self._usable:
            self._read(piece)
            if self.ended:
                # Where the event came in two pieces, the first of them told nobody anything.
                cut = max(piece.rfind(b"data:"), 0)
                return piece[:cut], piece[cut:]
        return piece, b""

    def collected(self) -> JsonObject | None:
        """Give the completion, or None where it is not whole."""
        # Some local servers never send a finish_reason: that the stream ended in order is enough.
        whole = self._assembly.begun if self.ended else self._assembly.finished
        return self._assembly.completion() if self._usable and whole else None

    def whole(self, body: bytes) -> JsonObject | None:
        """Give the chat completion that a body holds, or None where it is something else."""
        completion = _json_in(body)
        match completion:
            case {"choices": [{"message": dict()}, *_]} if isinstance(completion, dict):
                return completion
        return None

    def _read(self, piece: bytes) -> None:
        self._size += len(piece)
        try:
            for payload in self._lines.feed(piece):
                if payload == DONE:
                    self.ended = True
                    return
                if payload:
                    self._assembly.add(payload)
        except (BrokenStream, StreamError):
            self._usable = False
        if self._size > LARGEST_ANSWER:
            self._usable = False


def _json_in(body: bytes) -> JsonValue:
    try:
        value: JsonValue = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return value


TOLD: Final = re.compile(
    rb'"type"\s*:\s*"(response\.(completed|incomplete|failed|output_item\.done)|error)"'
)
"""The events that say something of the whole; the others, one for each token, are not parsed.

Within a text its quotes would be escaped.
"""


class ResponseCollector:
    """Collects a streamed response: its last event has all of it."""

    def __init__(self) -> None:
        """Begin before the first event."""
        self._lines = EventLines()
        self._items: list[JsonValue] = []
        self._response: JsonObject | None = None
        self._size = 0
        self._usable = True
        self.ended = False

    def take(self, piece: bytes) -> tuple[bytes, bytes]:
        """Read a piece. The one with the last event is held back as a whole."""
        if not self.ended and self._usable:
            self._read(piece)
            if self.ended:
                return b"", piece
        return piece, b""

    def collected(self) -> JsonObject | None:
        """Give the response, or None where it is not whole."""
        return self._response if self._usable else None

    def whole(self, body: bytes) -> JsonObject | None:
        """Give the response that a body holds, or None where it is something else."""
        return whole_response(_json_in(body))

    def _read(self, piece: bytes) -> None:
        self._size += len(piece)
        try:
            for payload in self._lines.feed(piece):
                if TOLD.search(payload):
                    self._hear(_json_in(payload))
        except BrokenStream:
            self._usable = False
        if self._size > LARGEST_ANSWER:
            self._usable = False

    def _hear(self, event: JsonValue) -> None:
        match event:
            case {"type": "response.output_item.done", "item": dict(item)}:
                self._items.append(item)
            case {"type": "response.completed" | "response.incomplete", "response": dict(response)}:
                self.ended = True
                # Some local servers leave out of the last event what they sent before.
                self._response = whole_response(
                    {**response, "output": response.get("output") or self._items}
                )
            case {"type": "response.failed" | "error"}:
                self._usable = False
