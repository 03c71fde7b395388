"""A connection of the driver of Postgres that finds out when the other end is gone."""

import asyncio
import socket
import time
from typing import Any

import asyncpg

from evald.store.postgres import PROBED_AFTER, PROBED_EVERY, PROBES, UNSENT_AT_MOST


class ProbedConnection(asyncpg.Connection):  # type: ignore[misc]  # the driver has no types
    """A connection whose socket finds out when the machine behind it, or the way there, is gone.

    Without it a statement waits for as long as TCP tries, a quarter of an hour.
    """

    def __init__(
        self, protocol: Any, transport: asyncio.Transport, *more: Any, **named: Any
    ) -> None:
        """Take what the driver gives."""
        super().__init__(protocol, transport, *more, **named)
        self.used = time.monotonic()
        given = transport.get_extra_info("socket")
        if given is None or given.family == socket.AF_UNIX:
            return
        given.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (
            ("TCP_KEEPIDLE", PROBED_AFTER),
            ("TCP_KEEPINTVL", PROBED_EVERY),
            ("TCP_KEEPCNT", PROBES),
            ("TCP_USER_TIMEOUT", UNSENT_AT_MOST * 1000),
        ):
            if (option := getattr(socket, name, None)) is not None:  # not every system has all
                given.setsockopt(socket.IPPROTO_TCP, option, value)
