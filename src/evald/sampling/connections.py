"""The connections to model endpoints: kept ones, and fresh ones for when a kept one was dead."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import aiohttp
from aiohappyeyeballs import AddrInfoType


@dataclass(frozen=True)
class Connections:
    """Two sessions. Neither limits the number of calls: that is done per provider."""

    kept: aiohttp.ClientSession
    """Its connections are used again."""
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
        aiohttp.ClientSession(connector=kept, cookie_jar=aiohttp.DummyCookieJar()) as kept_session,
        aiohttp.ClientSession(
            connector=fresh, cookie_jar=aiohttp.DummyCookieJar()
        ) as fresh_session,
    ):
        yield Connections(kept_session, fresh_session)


def _new_socket(address: AddrInfoType) -> socket.socket:
    dialing = _dialing.get()
    if dialing is not None:
        dialing.happened = True
    family, kind, protocol, _, _ = address
    return socket.socket(family, kind, protocol)
