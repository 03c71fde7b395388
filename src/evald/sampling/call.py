"""One HTTP call to a model endpoint: its answer, streamed or whole, or what went wrong with it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Literal, TypeVar

import aiohttp
import orjson

from evald import __version__
from evald.contract.json_types import JsonObject, JsonValue
from evald.sampling.connections import Dialing, watched_dialing
from evald.sampling.deadline import Deadline, only_connecting
from evald.sampling.failures import (
    CallFailed,
    failed_response,
    no_api,
    refusal,
    reported_failure,
)
from evald.sampling.providers import Provider
from evald.sampling.response_stream import ResponseFailed
from evald.sampling.stream import Assembly, BrokenStream, EventLines, StreamError

Streaming = Literal["with usage", "plain", "off"]
Result = TypeVar("Result")

LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes after which an answer is given up."""
LARGE_REQUEST = 1024 * 1024
"""Bytes from which a request is written in pieces, so that others get their turns in between."""


@dataclass(frozen=True, slots=True)
class Wire:
    """How one API is spoken."""

    path: str
    """What comes after the provider's `base_url`."""
    stream_keys: Mapping[Streaming, JsonObject]
    """What a request has for each way to stream."""
    read_stream: Callable[[aiohttp.ClientResponse, Deadline], Awaitable[JsonObject]]
    read_whole: Callable[[JsonValue], JsonObject]
    """Both give a chat completion. They raise BrokenStream, StreamError, ResponseFailed, and the
    first of them CallFailed."""


async def model_call(
    session: aiohttp.ClientSession,
    provider: Provider,
    body: JsonObject,
    wire: Wire,
    streaming: Streaming,
) -> JsonObject:
    """Ask for one sample and give it as a chat completion. Raises CallFailed.

    When the task is cancelled the connection is closed, not returned to the pool.
    """
    deadline, dialing = Deadline(provider.timeouts), watched_dialing()
    streamed = {**body, **wire.stream_keys[streaming]}
    try:
        return await _timed_call(session, provider, streamed, wire, deadline)
    except FAULTS as fault:
        raise _failure(fault, provider, deadline, dialing) from None


async def json_call(
    session: aiohttp.ClientSession,
    provider: Provider,
    *,
    path: str,
    body: JsonObject,
    read: Callable[[JsonValue], Result],
) -> Result:
    """Post a body to a path such as `/embeddings`, and give what `read` makes of the JSON answered.

    `read` raises BrokenStream for an answer that has no usable form, StreamError for one that tells of
    an error. Raises CallFailed, and is cancelled, as `model_call`.
    """
    deadline, dialing = Deadline(provider.timeouts), watched_dialing()
    try:
        with deadline:
            async with await post(session, provider, path, orjson.dumps(body)) as response:
                deadline.first_byte_came()
                if response.status != 200:
                    raise await refusal(response, provider)
                return read(await _read_json(response, provider))
    except FAULTS as fault:
        raise _failure(fault, provider, deadline, dialing) from None


FAULTS = (TimeoutError, BrokenStream, StreamError, ResponseFailed, aiohttp.ClientError)
"""What can go wrong with a call beside a refusal."""


def _failure(
    fault: Exception, provider: Provider, deadline: Deadline, dialing: Dialing
) -> CallFailed:
    """Tell the faults of a call apart."""
    match fault:
        case TimeoutError():  # first: some errors of aiohttp are both
            return CallFailed("timeout", deadline.missed(fault), retried=True)
        case BrokenStream():
            message = f"The model endpoint sent {fault}."
            return CallFailed("invalid_response", message, retried=True)
        case StreamError():
            return reported_failure(fault, provider)
        case ResponseFailed():
            return failed_response(fault.fault, provider)
    said = str(fault) or type(fault).__name__
    return CallFailed(
        "connection_error",
        provider.without_key(f"The connection to the model endpoint failed: {said}."),
        retried=True,
        dead_connection=not dialing.happened and _broke_on_the_way(fault),
    )


BROKEN_BEFORE_AN_ANSWER = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)


def _broke_on_the_way(error: Exception) -> bool:
    # A failed connect is a ClientOSError, too, but there was no connection that could be dead.
    connecting = isinstance(error, aiohttp.ClientConnectorError)
    return isinstance(error, BROKEN_BEFORE_AN_ANSWER) and not connecting


async def _timed_call(
    session: aiohttp.ClientSession,
    provider: Provider,
    body: JsonObject,
    wire: Wire,
    deadline: Deadline,
) -> JsonObject:
    with deadline:
        async with await post(session, provider, wire.path, orjson.dumps(body)) as response:
            if response.status == 200 and response.content_type == "text/event-stream":
                return await wire.read_stream(response, deadline)
            deadline.first_byte_came()
            if response.status != 200:
                raise await refusal(response, provider)
            return wire.read_whole(await _read_json(response, provider))


JSON_HEADERS = {"content-type": "application/json", "user-agent": f"evald/{__version__}"}


async def post(
    session: aiohttp.ClientSession,
    provider: Provider,
    path: str,
    body: bytes,
    headers: Mapping[str, str] = JSON_HEADERS,
) -> aiohttp.ClientResponse:
    """Post JSON to what comes after the provider's `base_url`; the answer is for an `async with`.

    Only connecting is limited in time here. Raises the errors of aiohttp.
    """
    return await session.post(
        f"{provider.base_url}{path}",
        # A file is written in pieces.
        data=body if len(body) < LARGE_REQUEST else BytesIO(body),
        headers={**headers, **provider.headers()},
        timeout=only_connecting(provider.timeouts.connect),
        allow_redirects=False,
    )


async def _read_stream(response: aiohttp.ClientResponse, deadline: Deadline) -> JsonObject:
    lines, assembly, size = EventLines(), Assembly(), 0
    # All that has arrived at once: an endpoint sends a part for each token.
    while received := await response.content.readany():
        size += len(received)
        if size > LARGEST_ANSWER:
            raise too_large()
        for payload in lines.feed(received):
            if payload == b"[DONE]":
                return _after_done(assembly)
            if payload:
                assembly.add(payload)
        deadline.first_byte_came()
    return _after_close(assembly)


def _after_done(assembly: Assembly) -> JsonObject:
    # Some local servers never send a finish_reason: that the stream ended in order is enough.
    if not assembly.begun:
        raise BrokenStream("a stream without a choice")
    return assembly.completion()


def _after_close(assembly: Assembly) -> JsonObject:
    if not assembly.finished:
        raise broken_off()
    return assembly.completion()


def broken_off() -> CallFailed:
    """Give what a stream means that closed before its end."""
    return CallFailed("connection_error", "The model endpoint broke off its answer.", retried=True)


async def _read_json(response: aiohttp.ClientResponse, provider: Provider) -> JsonValue:
    """Give the JSON of an answer, whatever type it says to have: some send JSON as plain text."""
    text = await _read_all(response)
    try:
        body: JsonValue = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if not _meant_as_json(response, text):
            raise no_api(response, provider) from None
        raise BrokenStream(f"an answer that is no JSON: {error}") from None
    return body


def _meant_as_json(response: aiohttp.ClientResponse, text: bytes) -> bool:
    says_nothing = "content-type" not in response.headers
    return says_nothing or "json" in response.content_type or text.lstrip().startswith(b"{")


async def _read_all(response: aiohttp.ClientResponse) -> bytes:
    received = bytearray()
    while part := await response.content.readany():
        received += part
        if len(received) > LARGEST_ANSWER:
            raise too_large()
    return bytes(received)


def too_large() -> CallFailed:
    """Give what an answer means that is longer than LARGEST_ANSWER."""
    return CallFailed(
        "invalid_response",
        f"The model endpoint's answer is larger than {LARGEST_ANSWER // 2**20} MB.",
        retried=False,
    )


def _completion(body: JsonValue) -> JsonObject:
    if not isinstance(body, dict):
        raise BrokenStream("an answer that is no JSON object")
    match body:
        case {"choices": [{"message": dict()}, *_]}:
            return body
        case {"error": _}:
            raise StreamError(body)
    raise BrokenStream("an answer that is no chat completion")


CHAT = Wire(
    path="/chat/completions",
    stream_keys={
        "with usage": {"stream": True, "stream_options": {"include_usage": True}},
        "plain": {"stream": True},
        "off": {},
    },
    read_stream=_read_stream,
    read_whole=_completion,
)
