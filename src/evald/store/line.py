"""The line to Postgres: one connection that hears notices and gives signs of life.

Apart from the pools, whose connections may all be busy: a sign of life that comes late costs the work.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import asyncpg
import structlog
from asyncpg.exceptions import InternalClientError
from sqlalchemy import make_url

from evald.store.postgres import connect_arguments

BEAT: Final = 0.5
"""Seconds between two signs of life."""
LONGEST_BEAT: Final = 1.0
"""Seconds that one may take before the connection counts as lost."""
CONNECTING: Final = 3.0
"""Seconds for a new connection."""
PAUSE: Final = 0.2
"""Seconds before the next try for one."""
OUT_OF_CONTACT_AFTER: Final = 1.5
"""Seconds after the last sign of life that was answered; half of those after which others take over."""
TICK: Final = 0.05
STALLED_AFTER: Final = 0.2
"""Seconds between two ticks of the event loop after which this process has stood still."""
CATCHING_UP: Final = 0.05
"""Seconds after it stood still in which it hears what was said meanwhile, before it begins anything."""

LOST = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, InternalClientError)
"""What the driver raises when a connection is gone."""

log = structlog.get_logger()

Beat = Callable[["asyncpg.Connection"], Awaitable[None]]


class Line:
    """A connection that is made anew whenever it is lost."""

    def __init__(self, url: str, channel: str, heard: Callable[[str], None], beat: Beat) -> None:
        """Listen on `channel` and give each notice to `heard`; call `beat` twice a second."""
        parsed = make_url(url)
        _, self._arguments = parsed.get_dialect()().create_connect_args(parsed)
        self._channel = channel
        self._heard = heard
        self._beat = beat
        self._answered = self._connected = self._ticked = float("-inf")
        self._up_to_date_from = float("inf")
        self._now = asyncio.Event()

    def in_contact(self) -> bool:
        """Say whether we know what is going on.

        The database has answered lately, else others may have taken our work over; and we have not just
        stood still, else we may not have heard yet that a run was canceled.
        """
        now = time.monotonic()
        return (
            now - self._answered < OUT_OF_CONTACT_AFTER
            and now - self._ticked < STALLED_AFTER
            and now >= self._up_to_date_from
        )

    def connected_for(self) -> float:
        """Give the seconds since the connection was made; meaningless while there is none."""
        return time.monotonic() - self._connected

    def beat_now(self) -> None:
        """Give the next sign of life at once."""
        self._now.set()

    async def keep(self, first: asyncio.Event) -> None:
        """Hear and give signs of life until cancelled. `first` is set after the first of them."""
        ticking = asyncio.create_task(self._tick())
        try:
            await self._keep(first)
        finally:
            ticking.cancel()

    async def _tick(self) -> None:
        while True:
            now = time.monotonic()
            if now - self._ticked > STALLED_AFTER:
                self._up_to_date_from = now + CATCHING_UP
            self._ticked = now
            await asyncio.sleep(TICK)

    async def _keep(self, first: asyncio.Event) -> None:
        lost = False
        while True:
            try:
                await self._hold(first)
            except LOST as error:
                if not lost:
                    log.warning("the line to the database is lost", error=repr(error))
                lost = self._answered < self._connected
            except Exception:  # the border of the process: without the line nothing would go on
                log.exception("the line to the database broke")
            await asyncio.sleep(PAUSE)

    async def _hold(self, first: asyncio.Event) -> None:
        given = {**connect_arguments(), **self._arguments, "timeout": CONNECTING}
        connection = await asyncpg.connect(**given)
        try:
            async with asyncio.timeout(LONGEST_BEAT):
                await connection.add_listener(self._channel, self._notified)
            self._connected = time.monotonic()
            while True:
                await self._give_sign(connection)
                first.set()
                await self._pause()
        finally:
            # Not closed in good order: what is lost would keep us waiting.
            connection.terminate()

    async def _give_sign(self, connection: "asyncpg.Connection") -> None:
        self._now.clear()
        asked = time.monotonic()
        async with asyncio.timeout(LONGEST_BEAT):
            await self._beat(connection)
        # From when it was asked: the database may have answered long before we were told.
        self._answered = asked

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(BEAT):
                await self._now.wait()
        except TimeoutError:
            pass

    def _notified(self, connection: Any, process: int, channel: str, notice: object) -> None:
        self._heard(str(notice))
