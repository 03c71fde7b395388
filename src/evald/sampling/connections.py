"""The connections to model endpoints: kept ones, and fresh ones for when a kept one was dead."""

import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohappyeyeballs import AddrInfoType
from aiohttp.abc import AbstractStreamWriter
from aiohttp.connector import Connection

SMALL_BODY = 32 * 1024
"""Bytes that are written without waiting for the other side; aiohttp waits from 64 kB on."""


@dataclass(frozen=True)
class Connections:
    """Three sessions. None limits the number of calls: that is done per provider."""

    kept: aiohttp.ClientSession
    """Its connections are used again."""
    prompt: aiohttp.ClientSession
    """Uses the connections of `kept`; its requests leave at once, which costs some time."""
    fresh: aiohttp.ClientSession
    """Each of its calls has a connection of its own."""


@dataclass
class Dialing:
    """Whether a call opened a connection, or went out on one that an earlier call had used."""

    happened: bool = False


_dialing: ContextVar[Dialing | None] = ContextVar("dialing", default=None)


def watched_dialing() -> Dialing:
    """Give the record of the connections that this task opens from now on."""
    # aiohttp's own tracing tells it too, at 5 % of a call's time.
    dialing = Dialing()
    _dialing.set(dialing)
    return dialing


@asynccontextmanager
async def open_connections() -> AsyncIterator[Connections]:
    """Give connections, and close them all afterwards. No endpoint's cookies are kept."""
    kept = aiohttp.TCPConnector(limit=0, keepalive_timeout=60, socket_factory=_new_socket)
    fresh = aiohttp.TCPConnector(limit=0, force_close=True)
    async with (
        _session(kept, aiohttp.ClientRequest) as kept_session,
        _session(kept, _PromptRequest) as prompt_session,
        _session(fresh, _PromptRequest) as fresh_session,
    ):
        yield Connections(kept_session, prompt_session, fresh_session)


def _session(
    connector: aiohttp.TCPConnector, request_class: type[aiohttp.ClientRequest]
) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector, request_class=request_class, cookie_jar=aiohttp.DummyCookieJar()
    )


class _PromptRequest(aiohttp.ClientRequest):
    """A request that is written as soon as it is made.

    aiohttp writes a body in a task of its own, which from Python 3.12 on begins at once. On 3.11 it
    begins after all that is ready now: when many answers come in together, their rows' next calls
    leave together too, and so on for ever, each row waiting for the others. At 50 ms of latency that
    cost 7 % of the throughput (decision 0007).
    """

    def write_bytes(
        self, writer: AbstractStreamWriter, conn: Connection, content_length: int | None = None
    ) -> Coroutine[Any, Any, None]:
        """Write the body, a small one before returning."""
        writing = super().write_bytes(writer, conn, content_length)
        paused = conn.protocol is None or conn.protocol.writing_paused
        if paused or content_length is None or content_length > SMALL_BODY:
            return writing
        with suppress(StopIteration):
            writing.send(None)
            raise RuntimeError("aiohttp waited where it was expected to write")
        return _nothing()


async def _nothing() -> None:
    pass


def _new_socket(address: AddrInfoType) -> socket.socket:
    dialing = _dialing.get()
    if dialing is not None:
        dialing.happened = True
    family, kind, protocol, _, _ = address
    return socket.socket(family, kind, protocol)
