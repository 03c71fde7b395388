"""Loops that nothing but their end ends."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog
from sqlalchemy.exc import OperationalError

PAUSE_AFTER_FAILURE: Final = 1.0
"""Seconds."""

log = structlog.get_logger()


async def again_and_again(work: Callable[[], Awaitable[None]], pause: float) -> None:
    """Do something for ever, with about so many seconds between, whatever the database does."""
    while True:
        try:
            await work()
        except OperationalError as error:
            log.warning("the store failed, trying again", error=str(error.orig))
            await asyncio.sleep(PAUSE_AFTER_FAILURE)
        except Exception:  # the border of the process: without this loop nothing would go on
            log.exception("the queue broke, trying again")
            await asyncio.sleep(PAUSE_AFTER_FAILURE)
        await asyncio.sleep(pause * random.uniform(0.8, 1.2))


async def end_of(tasks: Sequence["asyncio.Task[None]"]) -> None:
    """Cancel tasks and wait until they have ended."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
