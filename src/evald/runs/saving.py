"""Save output items in batches: soon enough to lose nothing, seldom enough to stay fast."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

import structlog
from sqlalchemy.exc import OperationalError

from evald.store.database import uninterrupted
from evald.store.output_items import NewItem

LARGEST_BATCH: Final = 256
LONGEST_WAIT: Final = 0.05
"""Seconds between two saves while items keep coming; the first item of a quiet time goes at once."""

MOST_UNSAVED: Final = 2 * LARGEST_BATCH
"""Items of a chunk that may wait for a save before no further row is begun."""
PAUSE_AFTER_FAILURE: Final = 1.0
"""Seconds."""

log = structlog.get_logger()

Result = TypeVar("Result")

Save = Callable[[Sequence[NewItem]], Awaitable[None]]


class ItemSaver:
    """Collects output items and saves them in batches, in the order in which they were added."""

    def __init__(self, save: Save) -> None:
        """Save by this function, one call at a time."""
        self._save = save
        self._items: list[NewItem] = []
        self._some = asyncio.Event()
        self._full = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._one_at_a_time = asyncio.Lock()
        self._last = time.monotonic()

    def add(self, item: NewItem) -> None:
        """Take an item; it is saved within LONGEST_WAIT, or by the next `flush`."""
        self._items.append(item)
        self._some.set()
        if len(self._items) >= LARGEST_BATCH:
            self._full.set()
        if len(self._items) >= MOST_UNSAVED:
            self._room.clear()

    async def room(self) -> None:
        """Wait while too many items are unsaved: while saving fails, no more calls are paid for."""
        await self._room.wait()

    async def save_as_they_come(self) -> None:
        """Save batch after batch, until cancelled. While the store fails, try again and again."""
        while True:
            await self._some.wait()
            wait = self._last + LONGEST_WAIT - time.monotonic()
            if wait > 0:
                await _at_most(wait, self._full)
            await patiently(self.flush)

    async def flush(self) -> None:
        """Save everything that was added. A cancel waits until the save has ended."""
        await uninterrupted(self._save_all())

    async def _save_all(self) -> None:
        async with self._one_at_a_time:
            left = len(self._items)
            while left:
                batch = self._items[: min(left, LARGEST_BATCH)]
                await self._save(batch)
                # Only now: what could not be saved is tried again by the next flush.
                del self._items[: len(batch)]
                left -= len(batch)
            self._last = time.monotonic()
            if not self._items:
                self._some.clear()
            self._full.clear()
            self._room.set()


async def patiently(work: Callable[[], Awaitable[Result]]) -> Result:
    """Give what work on the store gives; while the store fails, try again and again."""
    while True:
        try:
            return await work()
        except OperationalError as error:
            log.warning("the store failed, trying again", error=str(error.orig))
            await asyncio.sleep(PAUSE_AFTER_FAILURE)


async def _at_most(seconds: float, event: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
