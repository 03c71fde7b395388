"""Deliver what is due: each endpoint in a lane of its own, so that a slow one holds up no other.

The queue is the database. What a server was at when it ended is sent again under the same id, by the
others or after its next start: webhooks come at least once.

Servers that share the database share its lanes. Each is one server's at a time, by a lease that it
renews; who dies, is stopped or loses the database loses its lanes within LEASE, and others go on.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.clock import Clock
from evald.contract.webhooks import Event
from evald.ids import new_id
from evald.rules.webhooks import GONE, Patience, next_attempt
from evald.store import leases
from evald.store import webhook_deliveries as delivery_store
from evald.store import webhook_endpoints as endpoint_store
from evald.store.database import Database, Work
from evald.store.webhook_deliveries import Attempt, Due
from evald.webhooks.sending import Outcome, Sender

log = structlog.get_logger()

AT_ONCE: Final = 4
"""Attempts under way at the same time, for each endpoint."""
LEASE: Final = 3.0
"""Seconds for which a lane is a server's own, and is no other's if that one is gone."""
RENEWED_EVERY: Final = 1.0
LOOKED_EVERY: Final = 1.0
"""Seconds between two looks, where others share the database: they record events and leave lanes."""
TIDIED_EVERY: Final = 60 * 60.0
PAUSE_AFTER_FAILURE: Final = 5.0
"""Seconds without an attempt when the store has failed."""


class Deliveries:
    """Sends webhooks behind everything else that the server does."""

    def __init__(
        self, database: Database, sender: Sender, patience: Patience, clock: Clock
    ) -> None:
        """Send nothing before `run`."""
        self._database = database
        self._sender = sender
        self._patience = patience
        self._clock = clock
        self._name = new_id("srv")
        self._woken = asyncio.Event()
        self._lanes: set[str] = set()

    def wake(self) -> None:
        """Look for what is due: something may have been recorded."""
        self._woken.set()

    def hear(self, payload: str) -> None:
        """Take a notification of the database: another process may have recorded something."""
        if payload == delivery_store.RECORDED:
            self.wake()

    async def run(self) -> None:
        """Deliver until it is cancelled; attempts that are cut off by that are made again later."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tidy())
            while True:
                self._woken.clear()
                pause = await self._begin_due(group)
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._woken.wait()

    async def leave(self) -> None:
        """Leave all lanes to others, when `run` has ended."""
        with suppress(SQLAlchemyError):  # then they take them when their time is over
            await self._database.write(partial(leases.let_go_of_all, holder=self._name))

    async def _tidy(self) -> None:
        while True:
            with suppress(SQLAlchemyError):  # the disk is full, say: then later
                await self._database.write(
                    lambda connection: delivery_store.remove_old(connection, self._clock())
                )
            await asyncio.sleep(TIDIED_EVERY)
            self.wake()  # the clock may have been set meanwhile

    async def _begin_due(self, group: asyncio.TaskGroup) -> float | None:
        """Open a lane for each endpoint that has none and needs one; give the time to the next look.

        None stands for as long as nothing is recorded.
        """
        next_times = partial(delivery_store.next_times, configured=self._sender.configured)
        try:
            times = await self._database.read(next_times)
        except SQLAlchemyError as error:
            log.warning("the store failed, webhooks go on later", error=str(error))
            return PAUSE_AFTER_FAILURE
        waiting = {each: at for each, at in times.items() if each not in self._lanes}
        now = self._clock()
        for endpoint_id, at in waiting.items():
            if at <= now:
                self._lanes.add(endpoint_id)
                group.create_task(self._lane(endpoint_id))
        later = [at - now for at in waiting.values() if at > now]
        if self._database.is_shared:
            later.append(LOOKED_EVERY)
        return min(later, default=None)

    async def _lane(self, endpoint_id: str) -> None:
        """Deliver to one endpoint until nothing is due there, or another server does."""
        try:
            while due := await self._due(endpoint_id):
                await self._attempt_all(due)
        except SQLAlchemyError as error:
            log.warning("the store failed, webhooks go on later", error=str(error))
            await asyncio.sleep(PAUSE_AFTER_FAILURE)
        finally:
            self._lanes.discard(endpoint_id)
            self.wake()  # something may have become due since the last look

    async def _due(self, endpoint_id: str) -> list[Due]:
        """Give what is due at an endpoint, as long as the lane there is ours; leave it when nothing is.

        The two are one transaction: what is recorded behind it finds the lane free.
        """
        now = self._clock()

        async def look(connection: AsyncConnection) -> list[Due]:
            if not await delivery_store.take_lane(connection, endpoint_id, self._name, LEASE):
                return []
            due = await delivery_store.due_deliveries(connection, endpoint_id, now, AT_ONCE)
            if not due:
                await delivery_store.leave_lane(connection, endpoint_id, self._name)
            return due

        return await self._database.write(look)

    async def _attempt_all(self, due: list[Due]) -> None:
        async with self._renewing(due[0].endpoint_id):
            attempts = await asyncio.gather(*(self._attempt(each) for each in due))
            await self._saved(attempts, due[0])

    async def _saved(self, attempts: Sequence[Attempt], due: Due) -> None:
        """Save what became of some attempts at the endpoint of a delivery."""
        gone = any(attempt.status_code == GONE for attempt in attempts)
        endpoint_id, url, now = due.endpoint_id, due.url, self._clock()

        async def save(connection: AsyncConnection) -> None:
            await delivery_store.save_attempts(connection, attempts)
            if gone:
                await endpoint_store.disable_endpoint(connection, endpoint_id, url, now)

        await self._written(save)
        if gone:
            log.warning("webhook endpoint is gone, and gets nothing more", endpoint=endpoint_id)

    @asynccontextmanager
    async def _renewing(self, endpoint_id: str) -> AsyncIterator[None]:
        """Keep a lane for as long as the block lasts."""
        task = asyncio.get_running_loop().create_task(self._renew(endpoint_id))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _renew(self, endpoint_id: str) -> None:
        keep = partial(
            delivery_store.keep_lane, endpoint_id=endpoint_id, holder=self._name, seconds=LEASE
        )
        while True:
            await asyncio.sleep(RENEWED_EVERY)
            with suppress(SQLAlchemyError):  # the database is away: for the others, too
                await self._database.write(keep)

    async def _written(self, save: Work[None]) -> None:
        """Save what became of some attempts, again and again while the store fails.

        Until then nothing more is sent to their endpoint: it would get the same again.
        """
        while True:
            try:
                return await self._database.write(save)
            except SQLAlchemyError as error:
                log.warning("the store failed, webhooks go on later", error=str(error))
                await asyncio.sleep(PAUSE_AFTER_FAILURE)

    async def _attempt(self, due: Due) -> Attempt:
        begun = self._clock()
        try:
            outcome = await self._sender.send(due, begun)
        except Exception:  # the border of one delivery: the others must go on
            log.exception("webhook broke", delivery=due.id, endpoint=due.endpoint_id)
            outcome = Outcome(None, "The server failed to send this; its log says why.")
        return self._judged(due, outcome, self._clock())

    def _judged(self, due: Due, outcome: Outcome, now: float) -> Attempt:
        if outcome.error is None:
            return Attempt(due.id, due.attempts, now, "delivered", outcome.status_code, None, None)
        pause = None
        if outcome.status_code != GONE:
            age = now - due.created_at
            pause = next_attempt(
                due.attempts + 1, age, random.random(), outcome.named_pause, self._patience
            )
        if pause is None:
            log.warning("webhook given up", delivery=due.id, endpoint=due.endpoint_id)
        return Attempt(
            delivery_id=due.id,
            number=due.attempts,
            at=now,
            status="failed" if pause is None else "pending",
            status_code=outcome.status_code,
            error=outcome.error,
            next_attempt_at=None if pause is None else now + pause,
        )

    async def test(self, endpoint_id: str, event: Event) -> Outcome | None:
        """Send a sample event once and give what became of it; None when the endpoint is gone."""
        now = self._clock()
        due = await self._database.read(
            lambda connection: delivery_store.sample_delivery(connection, endpoint_id, event, now)
        )
        return None if due is None else await self._sender.send(due, now)


@asynccontextmanager
async def delivering(deliveries: Deliveries) -> AsyncIterator[None]:
    """Have webhooks delivered for as long as the block lasts."""
    task = asyncio.get_running_loop().create_task(deliveries.run(), name="webhooks")
    task.add_done_callback(_ended)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        await deliveries.leave()


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.error("webhooks are sent no more until the next start", exc_info=error)
