"""Read along with a chat answer that passes by, and give the completion when it is whole."""

from typing import Protocol

import orjson

from evald.contract.json_types import JsonObject, JsonValue
from evald.sampling.call import LARGEST_ANSWER
from evald.sampling.stream import Assembly, BrokenStream, EventLines, StreamError

DONE = b"[DONE]"


class Collector(Protocol):
    """Puts together what a stream of events says, without disturbing it."""

    ended: bool
    """Whether the event has come that a client takes for the end."""

    def take(self, piece: bytes) -> tuple[bytes, bytes]:
        """Read a piece. Give the part of it that may be passed on now, and the end that may not.

        The end is what a client must not see before the completion is kept.
        """
        ...

    def completion(self) -> JsonObject | None:
        """Give the answer, or None where it did not come to its end or cannot be understood."""
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

    def completion(self) -> JsonObject | None:
        """Give the completion, or None where it is not whole."""
        # Some local servers never send a finish_reason: that the stream ended in order is enough.
        whole = self._assembly.begun if self.ended else self._assembly.finished
        return self._assembly.completion() if self._usable and whole else None

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


def whole_completion(text: bytes) -> JsonObject | None:
    """Give the chat completion that a body holds, or None where it is something else."""
    try:
        body: JsonValue = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    match body:
        case {"choices": [{"message": dict()}, *_]} if isinstance(body, dict):
            return body
    return None
