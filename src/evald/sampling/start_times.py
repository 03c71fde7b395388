"""Start times that processes on one Postgres share: taken out of the database some at a time."""

import asyncio
import math
import time
from collections import deque
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.limiter import FairLimiter
from evald.rules.start_times import NEAR, Pace
from evald.store.own_connection import OwnConnection
from evald.store.provider_shares import take_start_times

PAUSE_AFTER_FAILURE: Final = 0.5

log = structlog.get_logger()


class SharedStartTimes:
    """The start times of a provider that this process has taken, for calls that wait for them.

    What a process takes and does not use, say because it is killed, nobody uses: fewer calls begin.
    """

    def __init__(self, provider: str, pace: Pace, limiter: FairLimiter, own: OwnConnection) -> None:
        """Have none; the calls are those that wait in `limiter`."""
        self._provider = provider
        self._pace = pace
        self._limiter = limiter
        self._own = own
        self._times: deque[float] = deque()
        self._owed = 0
        self._short = asyncio.Event()

    def take(self, now: float) -> float:
        """Take the start time that has come and give 0, or give the seconds until it comes.

        `math.inf` while more are taken out of the database; the limiter is told when they are there.
        """
        times = self._times
        while times and times[0] < now - self._pace.lateness:
            times.popleft()
        if not times or (times[-1] < now + NEAR and len(times) < self._limiter.waiting):
            self._short.set()
        if not times:
            return math.inf
        if times[0] > now:
            return times[0] - now
        times.popleft()
        return 0.0

    def count_another(self) -> None:
        """Take the next start time without waiting for it, or of those to come the first."""
        if self._times:
            self._times.popleft()
        else:
            self._owed += 1

    async def keep_enough(self) -> None:
        """Take start times whenever calls wait for them, until it is cancelled."""
        has_contact = True
        while True:
            await self._short.wait()
            self._short.clear()
            try:
                await self._take_more()
                has_contact = True
            except (SQLAlchemyError, OSError) as error:
                if has_contact:
                    log.warning(
                        "no start times, calls wait", provider=self._provider, error=str(error)
                    )
                has_contact = False
                await asyncio.sleep(PAUSE_AFTER_FAILURE)
            self._limiter.look_again()

    async def _take_more(self) -> None:
        # Not for calls that will not have a place: a start time cannot wait for one.
        limiter = self._limiter
        number = self._pace.block(min(limiter.waiting, limiter.free) - len(self._times))
        if number <= 0:
            return
        number += self._owed

        async def taken(connection: AsyncConnection) -> float:
            return await take_start_times(connection, self._provider, self._pace, number)

        pause = await self._own.write(taken)
        # As if the answer had needed no time: too late by that, and never too early.
        times = list(self._pace.times(time.monotonic() + pause, number))
        self._times.extend(times[self._owed :])
        self._owed = 0
