"""One HTTP call to a chat endpoint: its answer, streamed or whole, or what went wrong with it."""

from io import BytesIO
from typing import Literal

import aiohttp
import orjson

from evald import __version__
from evald.contract.json_types import JsonObject, JsonValue
from evald.sampling.connections import watched_dialing
from evald.sampling.deadline import Deadline, only_connecting
from evald.sampling.failures import CallFailed, no_api, refusal, reported_failure
from evald.sampling.providers import Provider
from evald.sampling.stream import Assembly, BrokenStream, EventLines, StreamError

Streaming = Literal["with usage", "plain", "off"]

LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes after which an answer is given up."""
LARGE_REQUEST = 1024 * 1024
"""Bytes from which a request is written in pieces, so that others get their turns in between."""


async def chat_call(
    session: aiohttp.ClientSession, provider: Provider, body: JsonObject, streaming: Streaming
) -> JsonObject:
    """Ask for one chat completion and give it. Raises CallFailed.

    When the task is cancelled the connection is closed, not returned to the pool.
    """
    deadline, dialing = Deadline(provider.timeouts), watched_dialing()
    streamed = {**body, **STREAM_KEYS[streaming]}
    try:
        return await _timed_call(session, provider, streamed, deadline)
    except TimeoutError as error:
        raise CallFailed("timeout", deadline.missed(error), retried=True) from None
    except BrokenStream as error:
        raise CallFailed(
            "invalid_response", f"The model endpoint sent {error}.", retried=True
        ) from None
    except StreamError as error:
        raise reported_failure(error, provider) from None
    except aiohttp.ClientError as error:
        message = f"The connection to the model endpoint failed: {error or type(error).__name__}."
        raise CallFailed(
            "connection_error",
            provider.without_key(message),
            retried=True,
            dead_connection=not dialing.happened and _broke_on_the_way(error),
        ) from None


BROKEN_BEFORE_AN_ANSWER = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)


def _broke_on_the_way(error: aiohttp.ClientError) -> bool:
    # A failed connect is a ClientOSError, too, but there was no connection that could be dead.
    connecting = isinstance(error, aiohttp.ClientConnectorError)
    return isinstance(error, BROKEN_BEFORE_AN_ANSWER) and not connecting


STREAM_KEYS: dict[Streaming, JsonObject] = {
    "with usage": {"stream": True, "stream_options": {"include_usage": True}},
    "plain": {"stream": True},
    "off": {},
}


async def _timed_call(
    session: aiohttp.ClientSession, provider: Provider, body: JsonObject, deadline: Deadline
) -> JsonObject:
    with deadline:
        async with session.post(
            f"{provider.base_url}/chat/completions",
            data=_payload(body),
            headers=JSON_HEADERS | provider.headers(),
            timeout=only_connecting(provider.timeouts.connect),
            allow_redirects=False,
        ) as response:
            return await _read(response, provider, deadline)


async def _read(
    response: aiohttp.ClientResponse, provider: Provider, deadline: Deadline
) -> JsonObject:
    if response.status == 200 and response.content_type == "text/event-stream":
        return await _read_stream(response, deadline)
    deadline.first_byte_came()
    if response.status != 200:
        raise await refusal(response, provider)
    return _completion(await _read_json(response, provider))


def _payload(body: JsonObject) -> bytes | BytesIO:
    """Give the bytes to send, large ones as a file: aiohttp writes that in pieces."""
    text = orjson.dumps(body)
    return text if len(text) < LARGE_REQUEST else BytesIO(text)


JSON_HEADERS = {"content-type": "application/json", "user-agent": f"evald/{__version__}"}


async def _read_stream(response: aiohttp.ClientResponse, deadline: Deadline) -> JsonObject:
    lines, assembly, size = EventLines(), Assembly(), 0
    # All that has arrived at once: an endpoint sends a part for each token.
    while received := await response.content.readany():
        size += len(received)
        if size > LARGEST_ANSWER:
            raise _too_large()
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
        raise CallFailed(
            "connection_error", "The model endpoint broke off its answer.", retried=True
        )
    return assembly.completion()


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
            raise _too_large()
    return bytes(received)


def _too_large() -> CallFailed:
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
