"""Connections to webhook endpoints: each used once, and none to an address that is not allowed."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

import aiohttp
from aiohappyeyeballs import AddrInfoType
from aiohttp.abc import AbstractResolver, ResolveResult

from evald import __version__
from evald.rules.webhooks import may_be_reached

LOOKUPS_AT_ONCE: Final = 8


class AddressRefused(OSError):
    """An endpoint is at an address that webhooks may not go to; no connection was tried."""


@dataclass(frozen=True)
class WebhookConnections:
    """Two sessions. Neither follows what it is told by the endpoint: no cookies, no proxies."""

    anywhere: aiohttp.ClientSession
    """For the endpoints of the config file."""
    checked: aiohttp.ClientSession
    """For those of the API: each address is checked when it is dialed, whatever its name was before."""


@asynccontextmanager
async def open_webhook_connections(*, private: bool) -> AsyncIterator[WebhookConnections]:
    """Give connections, and close them all afterwards.

    `private` says whether endpoints of the API may be on loopback and inner networks.
    """
    names = _Names()
    try:
        async with (
            _session(names, private=True) as anywhere,
            _session(names, private=private) as checked,
        ):
            yield WebhookConnections(anywhere, checked)
    finally:
        await names.close()


def _session(names: AbstractResolver, *, private: bool) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        limit=0,
        force_close=True,
        resolver=names,
        socket_factory=partial(_new_socket, private=private),
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"user-agent": f"evald/{__version__}", "content-type": "application/json"},
    )


def _new_socket(address: AddrInfoType, *, private: bool) -> socket.socket:
    family, kind, protocol, _, place = address
    if not may_be_reached(str(place[0]), private=private):
        raise AddressRefused(errno.EACCES, "webhooks may not go to this address")
    return socket.socket(family, kind, protocol)


class _Names(AbstractResolver):
    """Looks host names up in threads of its own.

    The loop has a few for everybody, and a name server that does not answer keeps one for half a
    minute: a handful of dead endpoints would hold up the calls to models.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOKUPS_AT_ONCE, "webhook-names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Give the addresses of a host. Raises OSError."""
        look_up = partial(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        return [
            ResolveResult(
                hostname=host,
                host=str(place[0]),
                port=int(place[1]),
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, protocol, _, place in found
        ]

    async def close(self) -> None:
        """Begin no more lookups."""
        self._threads.shutdown(wait=False, cancel_futures=True)
