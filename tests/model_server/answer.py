"""The bytes of an answer: a head and the pieces of its body, ready to be written."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from itertools import repeat

import orjson

from tests.model_server.call import Api, Call
from tests.model_server.completion import JsonObject, chunks, error, whole
from tests.model_server.embedding import embeddings
from tests.model_server.response import events as response_events
from tests.model_server.response import whole_response
from tests.model_server.script import Fault, Step

JSON = "application/json"
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
JSON_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
NOT_UTF8 = b"\xff\xfe"


@dataclass(frozen=True, slots=True)
class Answer:
    """A head and a body in pieces; the piece number `middle` is the first of its second half."""

    head: bytes
    pieces: Iterable[bytes]
    middle: int

    def joined(self) -> bytes:
        """Give all of it as one; an endless answer has no such thing."""
        return b"".join((self.head, *self.pieces))


WHOLE: Mapping[Api, Callable[[Call, Step, int], JsonObject]] = {
    "chat": whole,
    "responses": whole_response,
    "embeddings": embeddings,
}
"""What makes the object of an unstreamed answer."""


def answer_to(call: Call, step: Step, number: int) -> Answer:
    """Give the answer that the step has for this call; `number` makes its id."""
    refused = next((name for name in step.refuse if call.parameters.get(name)), None)
    if refused is not None:
        said = f"Unsupported parameter: '{refused}' is not supported with this model."
        return error_answer(step, 400, said, refused)
    if step.body is not None:
        return whole_answer(step.body.encode(), step)
    if step.status != HTTPStatus.OK:
        return error_answer(step, step.status, step.message, step.param)
    if step.fault is Fault.ENDLESS:
        return endless_answer(call, step, number)
    if call.stream and step.fault is not Fault.JSON_FOR_STREAM:
        return streamed_answer(call, step, number)
    if step.fault is Fault.ERROR_WITHIN:
        return error_answer(step, 200, step.message, step.param)
    body = WHOLE[call.api](call, step, number)
    return whole_answer(marred(orjson.dumps(body), step.fault), step)


def error_answer(step: Step, status: int, message: str, param: str | None) -> Answer:
    """Give an error object with this status and the step's headers."""
    body = orjson.dumps(error(status, message, param, step.code))
    return in_halves(head(status, len(body), step.headers), body)


def whole_answer(body: bytes, step: Step) -> Answer:
    """Give a body with its length."""
    if step.headers or step.status != HTTPStatus.OK:
        return in_halves(head(step.status, len(body), step.headers), body)
    return in_halves(JSON_HEAD % len(body), body)


def in_halves(head: bytes, body: bytes) -> Answer:
    """Give an answer whose body can stop after its first half."""
    half = len(body) // 2
    return Answer(head, (body[:half], body[half:]), middle=1)


def streamed_answer(call: Call, step: Step, number: int) -> Answer:
    """Give server-sent events, each in an HTTP chunk of its own as real servers send them."""
    if call.api == "responses":
        events = [named_event(event) for event in response_events(call, step, number)]
    else:
        events = [b"data: " + orjson.dumps(chunk) + b"\n\n" for chunk in chunks(call, step, number)]
        events.append(b"data: [DONE]\n\n")
    middle = max(1, (len(events) - 2) // 2)
    if step.fault is not Fault.NONE:
        events = marred_events(events, middle, step, call)
    pieces = [b"%x\r\n%b\r\n" % (len(event), event) for event in events]
    pieces[-1] += LAST_CHUNK
    return Answer(STREAM_HEAD + header_lines(step.headers) + CHUNKED, pieces, middle)


def named_event(event: JsonObject) -> bytes:
    """Give an event of the Responses API, which stands before its data by name, too."""
    return b"event: %b\ndata: %b\n\n" % (str(event["type"]).encode(), orjson.dumps(event))


def marred_events(events: list[bytes], middle: int, step: Step, call: Call) -> list[bytes]:
    """Put the step's fault into a stream, at its middle."""
    if step.fault is Fault.UNENDED:
        return events[: middle + 1]
    if step.fault is Fault.ERROR_WITHIN and call.api == "responses":
        failed: JsonObject = {"type": "error", "message": step.message, "code": step.code}
        return [*events[: middle + 1], named_event({**failed, "param": step.param})]
    if step.fault is Fault.ERROR_WITHIN:
        failure = orjson.dumps(error(500, step.message, step.param, step.code))
        return [*events[: middle + 1], b"data: " + failure + b"\n\n", events[-1]]
    if step.fault is Fault.BROKEN_JSON:
        broken = events[middle][: len(events[middle]) // 2] + b"\n\n"
        return [*events[:middle], broken, *events[middle + 1 :]]
    return [marred(event, step.fault) for event in events]


def marred(body: bytes, fault: Fault) -> bytes:
    """Put a fault into the bytes of a JSON object."""
    if fault is Fault.BROKEN_JSON:
        return body[: len(body) // 2]
    if fault is Fault.NOT_UTF8:
        for key in (b'"content":"', b'"text":"', b'"delta":"'):
            body = body.replace(key, key + NOT_UTF8)
    return body


def endless_answer(call: Call, step: Step, number: int) -> Answer:
    """Give an answer whose text never ends: as a stream, or as the inside of a JSON text."""
    if call.stream:
        first = next(chunks(call, step, number))
        choice = {"index": 0, "delta": {"content": "on and "}, "finish_reason": None}
        event = b"data: " + orjson.dumps({**first, "choices": [choice]}) + b"\n\n"
        if call.api == "responses":
            event = named_event({"type": "response.output_text.delta", "delta": "on and "})
        piece = b"%x\r\n%b\r\n" % (len(event), event)
        return Answer(STREAM_HEAD + CHUNKED, repeat(piece), middle=1)
    start = JSON_HEAD.partition(b"content-length")[0] + CHUNKED
    opening = b'{"choices":[{"message":{"content":"'
    start += b"%x\r\n%b\r\n" % (len(opening), opening)
    return Answer(start, repeat(b"7\r\non and \r\n"), middle=1)


def head(status: int, length: int, headers: Mapping[str, str]) -> bytes:
    """Give the head of an answer with a body of known length."""
    named = {name.lower() for name in headers}
    kind = "" if "content-type" in named else f"content-type: {JSON}\r\n"
    line = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{kind}content-length: {length}\r\n"
    return line.encode() + header_lines(headers) + b"\r\n"


def header_lines(headers: Mapping[str, str]) -> bytes:
    """Give headers as lines; their letters are bytes."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("latin-1")
