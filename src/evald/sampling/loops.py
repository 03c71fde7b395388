"""Refuse a model endpoint that is an evald: its calls would come back as requests for ever."""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence

import aiohttp
from yarl import URL

from evald.errors import CannotStart
from evald.sampling.providers import Provider

SERVER_NAME = "evald"
"""What every answer of evald carries as its `server` header."""
PATIENCE = 1.0


async def refuse_loops(
    providers: Sequence[Provider], session: aiohttp.ClientSession, own: Sequence[str]
) -> None:
    """Check that no provider is this server or another evald. Raises CannotStart.

    `own` are the URLs under which this server is reached. Only addresses of this machine and of
    private networks are asked; an endpoint that does not answer yet is no reason to refuse.
    """
    origins = {URL(url).origin() for url in own}
    for provider in providers:
        if URL(provider.base_url).origin() in origins:
            raise _loop(provider)
    found = await asyncio.gather(*(_is_evald(each, session) for each in providers))
    for provider, is_evald in zip(providers, found, strict=True):
        if is_evald:
            raise _loop(provider)


def _loop(provider: Provider) -> CannotStart:
    return CannotStart(
        f"The provider '{provider.name}' at {provider.base_url} is an evald server, not a model "
        "endpoint. Set its base_url to the endpoint that answers chat completions."
    )


async def _is_evald(provider: Provider, session: aiohttp.ClientSession) -> bool:
    url = URL(provider.base_url)
    try:
        async with asyncio.timeout(PATIENCE):
            if not await _is_near(url.host or ""):
                return False
            async with session.get(url.origin() / "healthz", allow_redirects=False) as response:
                return response.headers.get("server", "").startswith(SERVER_NAME)
    except (OSError, TimeoutError, aiohttp.ClientError, UnicodeError):  # the last: no host name
        return False


async def _is_near(host: str) -> bool:
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(str(each[4][0]).split("%")[0]) for each in found]
    return any(address.is_loopback or address.is_private for address in addresses)
