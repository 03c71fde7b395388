"""One HTTP call to a chat endpoint, and everything that can go wrong with it, told apart."""

import asyncio
import time
from functools import cache
from io import BytesIO
from typing import Literal

import aiohttp
import orjson

from evald import __version__
from evald.contract.json_types import JsonObject, JsonValue
from evald.rules.retry import is_retried, named_pause
from evald.sampling.connections import watched_dialing
from evald.sampling.providers import Provider, Timeouts
from evald.sampling.stream import Assembly, BrokenStream, EventLines, StreamError

Streaming = Literal["with usage", "plain", "off"]

LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes after which an answer is given up."""
LARGE_REQUEST = 1024 * 1024
"""Bytes from which a request is written in pieces, so that others get their turns in between."""
LARGEST_REFUSAL = 64 * 1024
"""Bytes of an endpoint's error answer that are read."""
LONGEST_MESSAGE = 1000
"""Characters of an endpoint's error message that are kept."""


class CallFailed(Exception):
    """A call gave no completion."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retried: bool,
        pause: float | None = None,
        status: int | None = None,
        said: str = "",
        dead_connection: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retried = retried
        """Whether another try is worth it."""
        self.pause = pause
        """Seconds that the endpoint asked to wait."""
        self.status = status
        self.said = said
        """The endpoint's own words, where it refused the request."""
        self.dead_connection = dead_connection
        """A kept connection turned out to be closed, so the endpoint never saw the call."""


async def chat_call(
    session: aiohttp.ClientSession, provider: Provider, body: JsonObject, streaming: Streaming
) -> JsonObject:
    """Ask for one chat completion and give it. Raises CallFailed.

    When the task is cancelled the connection is closed, not returned to the pool.
    """
    deadline, dialing = _Deadline(provider.timeouts), watched_dialing()
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
        raise _reported_failure(error, provider) from None
    except aiohttp.ClientError as error:
        message = f"The connection to the model endpoint failed: {error or type(error).__name__}."
        raise CallFailed(
            "connection_error",
            provider.without_key(message),
            retried=True,
            dead_connection=not dialing.happened and isinstance(error, BROKEN_BEFORE_AN_ANSWER),
        ) from None


BROKEN_BEFORE_AN_ANSWER = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)


STREAM_KEYS: dict[Streaming, JsonObject] = {
    "with usage": {"stream": True, "stream_options": {"include_usage": True}},
    "plain": {"stream": True},
    "off": {},
}


async def _timed_call(
    session: aiohttp.ClientSession, provider: Provider, body: JsonObject, deadline: "_Deadline"
) -> JsonObject:
    async with (
        deadline.timer,
        session.post(
            f"{provider.base_url}/chat/completions",
            data=_payload(body),
            headers=JSON_HEADERS | provider.headers(),
            timeout=_only_connecting(provider.timeouts.connect),
            allow_redirects=False,
        ) as response,
    ):
        if response.status == 200 and response.content_type == "text/event-stream":
            return await _read_stream(response, deadline)
        deadline.first_byte_came()
        if response.status != 200:
            raise await _refusal(response, provider)
        return _completion(await _read_all(response))


def _payload(body: JsonObject) -> bytes | BytesIO:
    """Give the bytes to send, large ones as a file: aiohttp writes that in pieces."""
    text = orjson.dumps(body)
    return text if len(text) < LARGE_REQUEST else BytesIO(text)


@cache
def _only_connecting(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, sock_connect=seconds)


JSON_HEADERS = {"content-type": "application/json", "user-agent": f"evald/{__version__}"}


class _Deadline:
    """The limits of a call on one timer: until its first byte, then until its end."""

    def __init__(self, limits: Timeouts) -> None:
        self._limits = limits
        self._end = asyncio.get_running_loop().time() + limits.total
        self._begun = limits.total <= limits.first_byte
        self.timer = asyncio.timeout(min(limits.first_byte, limits.total))

    def first_byte_came(self) -> None:
        """Wait for the end from now on."""
        if not self._begun:
            self._begun = True
            self.timer.reschedule(self._end)

    def missed(self, error: TimeoutError) -> str:
        """Say which of the limits was over, by the name of its setting."""
        limits = self._limits
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            passed = f"took no connection within {limits.connect:g} s (connect_timeout)"
        elif not self._begun:
            passed = f"sent nothing within {limits.first_byte:g} s (first_byte_timeout)"
        else:
            passed = f"did not end its answer within {limits.total:g} s (total_timeout)"
        return f"The model endpoint {passed}."


async def _read_stream(response: aiohttp.ClientResponse, deadline: _Deadline) -> JsonObject:
    lines, assembly, size = EventLines(), Assembly(), 0
    # All that has arrived at once: an endpoint sends a part for each token.
    while received := await response.content.readany():
        size += len(received)
        if size > LARGEST_ANSWER:
            raise _too_large()
        for payload in lines.feed(received):
            if payload == b"[DONE]":
                return _finished(assembly)
            if payload:
                assembly.add(payload)
        deadline.first_byte_came()  # not sooner: most short answers have ended by now
    return _finished(assembly)


def _finished(assembly: Assembly) -> JsonObject:
    if not assembly.finished:
        raise CallFailed(
            "connection_error", "The model endpoint broke off its answer.", retried=True
        )
    return assembly.completion()


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


def _completion(text: bytes) -> JsonObject:
    try:
        body: JsonValue = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BrokenStream(f"an answer that is no JSON: {error}") from None
    if not isinstance(body, dict):
        raise BrokenStream("an answer that is no JSON object")
    match body:
        case {"choices": [{"message": dict()}, *_]}:
            return body
        case {"error": _}:
            raise StreamError(body)
    raise BrokenStream("an answer that is no chat completion")


async def _refusal(response: aiohttp.ClientResponse, provider: Provider) -> CallFailed:
    said = _message_in((await _read_start(response)).decode(errors="replace"), provider)
    status = response.status
    return CallFailed(
        CODES.get(status, "upstream_error" if status >= 500 else "invalid_request"),
        f"{status} from {provider.name}: {said}",
        retried=is_retried(status),
        pause=named_pause(response.headers, time.time()),
        status=status,
        said=said,
    )


async def _read_start(response: aiohttp.ClientResponse) -> bytes:
    received = bytearray()
    while part := await response.content.readany():
        received += part
        if len(received) >= LARGEST_REFUSAL:
            break
    return bytes(received)


CODES = {
    401: "authentication_failed",
    403: "authentication_failed",
    404: "not_found",
    408: "timeout",
    429: "rate_limit_exceeded",
}


def _message_in(text: str, provider: Provider) -> str:
    """Give the message of an error body, whichever of the usual forms it has, without the key."""
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError:
        body = None
    match body:
        case {"error": {"message": str(message)}} | {"error": str(message)}:
            text = message
        case {"message": str(message)} | {"detail": str(message)}:
            text = message
    # First the key, then the cut: half a key is no longer found.
    return provider.without_key(text)[:LONGEST_MESSAGE] or "no message"


def _reported_failure(error: StreamError, provider: Provider) -> CallFailed:
    message = _message_in(orjson.dumps(error.body).decode(), provider)
    return CallFailed("upstream_error", f"Error from {provider.name}: {message}", retried=True)
