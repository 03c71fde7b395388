"""The connections to model endpoints: kept ones, and fresh ones for when a kept one was dead."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace

import aiohttp


@dataclass(frozen=True)
class Connections:
    """Two sessions. Neither limits the number of calls: that is done per provider."""

    kept: aiohttp.ClientSession
    """Its connections are used again."""
    fresh: aiohttp.ClientSession
    """Each of its calls has a connection of its own."""


@dataclass
class Reuse:
    """Whether a call went out on a connection that an earlier call had used."""

    happened: bool = False


@asynccontextmanager
async def open_connections() -> AsyncIterator[Connections]:
    """Give connections, and close them all afterwards."""
    trace = aiohttp.TraceConfig()
    trace.on_connection_reuseconn.append(_reused)
    kept = aiohttp.TCPConnector(limit=0, keepalive_timeout=60)
    fresh = aiohttp.TCPConnector(limit=0, force_close=True)
    async with (
        aiohttp.ClientSession(connector=kept, trace_configs=[trace]) as kept_session,
        aiohttp.ClientSession(connector=fresh) as fresh_session,
    ):
        yield Connections(kept_session, fresh_session)


async def _reused(
    _: aiohttp.ClientSession,
    context: SimpleNamespace,
    __: aiohttp.TraceConnectionReuseconnParams,
) -> None:
    if isinstance(context.trace_request_ctx, Reuse):
        context.trace_request_ctx.happened = True
