"""The share of this process in the places of each provider, where several work on one Postgres.

A call takes its place from the limiter of its process, without a word to the database. What the limiter
has is changed at beats: every half second, and at once when a call finds no place or another process
has changed its share (decision 0018).
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.ids import new_id
from evald.limiter import FairLimiter
from evald.rules.shares import CONTACT, FRESH, Beat, Share, next_beat
from evald.rules.start_times import Pace
from evald.sampling.providers import Provider
from evald.sampling.start_times import SharedStartTimes
from evald.store import provider_shares as share_store
from evald.store.database import Database
from evald.store.own_connection import OwnConnection
from evald.store.provider_shares import SeenShare

EVERY: Final = 0.5
"""Seconds from beat to beat."""
SOONEST: Final = 0.05
"""Seconds between two beats, at least."""
REMEMBERED: Final = 1.0
"""Seconds for which calls that are over count as wanted: the next ones often come at once."""
PAYLOAD: Final = "shares "
"""Begins what processes notify each other of; the id of the process follows."""

log = structlog.get_logger()


@asynccontextmanager
async def sharing(
    database: Database, providers: Sequence[Provider], limiters: Mapping[str, FairLimiter]
) -> AsyncIterator["Shares"]:
    """Share the limits of these providers with all processes on the same Postgres.

    `limiters` are those of the providers by their names. They give no place before this process has a
    share, and none after the block.
    """
    beating = OwnConnection(database, CONTACT)
    shares = Shares(beating, {each.name: each.max_concurrency for each in providers}, limiters)
    own, working = [beating], [shares.keep()]
    for each in providers:
        if each.requests_per_minute is not None:
            own.append(OwnConnection(database, CONTACT))
            limiter, pace = limiters[each.name], Pace.of(each.requests_per_minute)
            starts = SharedStartTimes(each.name, pace, limiter, own[-1])
            limiter.set_starts(starts)
            working.append(starts.keep_enough())
    tasks = [asyncio.get_running_loop().create_task(each) for each in working]
    for task in tasks:
        task.add_done_callback(_ended)
    try:
        yield shares
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await shares.leave()
        for connection in own:
            await connection.close()


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.error("limits are shared no more, calls wait until the next start", exc_info=error)


class _Part:
    """What is shared of one provider."""

    def __init__(self, limiter: FairLimiter, share: Share) -> None:
        """Begin without a share."""
        self.limiter = limiter
        self.share = share
        """As it was saved last."""
        self._demands: deque[tuple[float, int]] = deque()
        limiter.set_limit(0)

    def wanted(self, now: float) -> int:
        """Give how many calls are under way and wait, or were and did a moment ago."""
        self._demands.append((now, self._demand()))
        while self._demands[0][0] < now - REMEMBERED:
            self._demands.popleft()
        return max(demand for _, demand in self._demands)

    def _demand(self) -> int:
        return self.limiter.held + self.limiter.waiting

    @property
    def lacks_unseen(self) -> bool:
        """Whether calls wait here, and the others do not know that it is short."""
        return not self.share.is_short and self._demand() > self.share.granted

    @property
    def is_giving(self) -> bool:
        """Whether a part of the share goes to others as soon as calls end."""
        return self.share.granted > self.limiter.limit

    @property
    def can_give(self) -> bool:
        """Whether some of these calls have ended."""
        return self.is_giving and self.share.granted > max(self.limiter.limit, self.limiter.held)


class Shares:
    """Keeps the shares of this process."""

    def __init__(
        self, own: OwnConnection, limits: Mapping[str, int], limiters: Mapping[str, FairLimiter]
    ) -> None:
        """Begin without any share of these limits, each by the name of its provider."""
        self._own = own
        self._process_id = new_id("process")
        self._parts = {
            name: _Part(limiters[name], Share(self._process_id, limit, wanted=0, granted=0))
            for name, limit in limits.items()
        }
        self._woken = asyncio.Event()
        self._has_contact = True

    def look_again(self, payload: str) -> None:
        """Take in what was notified: another process has changed its share. Others mean nothing."""
        if payload.startswith(PAYLOAD) and not payload.endswith(self._process_id):
            self._woken.set()

    async def keep(self) -> None:
        """Beat until it is cancelled."""
        while self._parts:
            due = time.monotonic() + EVERY
            self._woken.clear()
            try:
                await self._beat()
                self._contact(None)
            except (SQLAlchemyError, OSError) as error:
                self._contact(error)
            await asyncio.sleep(SOONEST)
            await self._rest(due)

    def _contact(self, error: Exception | None) -> None:
        """Log when contact with the database is lost, and when it is back."""
        if error is not None and self._has_contact:
            log.warning("no contact with the database, soon no call begins", error=str(error))
        elif error is None and not self._has_contact:
            log.info("contact with the database again, calls begin")
        self._has_contact = error is None

    async def _beat(self) -> None:
        begun = time.monotonic()
        beats = await self._own.write(self._saved)
        for name, beat in beats.items():
            self._take(self._parts[name], beat, begun)

    async def _saved(self, connection: AsyncConnection) -> dict[str, Beat]:
        """Give the next beat for each provider, saved; whom it concerns is notified."""
        now = await share_store.begin_beat(connection)
        seen = await share_store.all_shares(connection, list(self._parts))
        gone = {each.share.process_id for each in seen if each.seen_at < now - FRESH}
        beats = {
            name: _lowered(part, [each for each in seen if each.provider == name], now)
            for name, part in self._parts.items()
        }
        await share_store.save_shares(
            connection, [(name, beat.share) for name, beat in beats.items()]
        )
        if gone - {self._process_id}:
            await share_store.drop_shares(connection, sorted(gone - {self._process_id}))
        if any(self._concerns_others(beats[name], name, seen) for name in beats):
            await share_store.notify(connection, PAYLOAD + self._process_id)
        return beats

    def _concerns_others(self, beat: Beat, name: str, seen: Sequence[SeenShare]) -> bool:
        """Say whether others should look at once: to give something, or to take it."""
        before = self._parts[name].share
        if beat.share.is_short and not before.is_short:
            return True
        has_given = beat.share.granted < before.granted
        return has_given and any(each.share.is_short for each in seen if each.provider == name)

    def _take(self, part: _Part, beat: Beat, begun: float) -> None:
        """Use what is saved now."""
        part.share = beat.share
        is_all = beat.share.granted >= beat.share.limit
        silent = is_all or beat.share.is_short
        part.limiter.when_waiting = None if silent else self._woken.set
        part.limiter.open_until(begun + CONTACT)
        part.limiter.set_limit(beat.limit)
        if not silent and part.lacks_unseen:
            self._woken.set()

    async def _rest(self, due: float) -> None:
        """Wait for the next beat, until it is due or there is something to do."""
        parts = self._parts.values()
        while not self._woken.is_set() and not any(part.can_give for part in parts):
            left = due - time.monotonic()
            if left <= 0:
                return
            pause = SOONEST if any(part.is_giving for part in parts) else left
            with suppress(TimeoutError):
                async with asyncio.timeout(min(pause, left)):
                    await self._woken.wait()

    async def leave(self) -> None:
        """Give no place any more, and leave the shares to the others at once."""
        for part in self._parts.values():
            part.limiter.set_limit(0)
        with suppress(SQLAlchemyError, OSError):  # then the others wait until it counts as gone
            await self._own.write(self._dropped)

    async def _dropped(self, connection: AsyncConnection) -> None:
        await share_store.drop_shares(connection, [self._process_id])
        await share_store.notify(connection, PAYLOAD + self._process_id)


def _lowered(part: _Part, seen: Sequence[SeenShare], now: float) -> Beat:
    """Give the next beat, with the limiter lowered to it already: others count on that.

    More is used when it is saved.
    """
    wanted = part.wanted(time.monotonic())
    known = {each.share.process_id: each for each in seen}
    mine = known.pop(part.share.process_id, None)
    own = replace(part.share if mine is None else mine.share, limit=part.share.limit, wanted=wanted)
    others = [each.share for each in known.values() if each.seen_at >= now - FRESH]
    beat = next_beat(own, others, part.limiter.held, now)
    part.limiter.set_limit(min(part.limiter.limit, beat.limit))
    return beat
