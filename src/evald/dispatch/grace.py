"""How a process leaves: how long it waits for the calls that it has under way."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from evald.runs.tools import Dispatch

log = structlog.get_logger()


@dataclass(frozen=True)
class Grace:
    """The grace of a process that leaves."""

    seconds: float
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when there is none any more: by a second signal."""

    async def wait_for(self, tasks: Sequence["asyncio.Task[None]"]) -> None:
        """Wait for tasks that come to their end by themselves; those that do not go on."""
        if not tasks or not self.seconds or self.hurry.is_set():
            return
        log.info("finishing what is in flight; a second signal cuts it off", at_most_s=self.seconds)
        hurried = asyncio.ensure_future(self.hurry.wait())
        ended = asyncio.ensure_future(asyncio.wait(tasks))
        with suppress(asyncio.CancelledError):
            await asyncio.wait(
                [hurried, ended], timeout=self.seconds, return_when=asyncio.FIRST_COMPLETED
            )
        hurried.cancel()
        ended.cancel()


class RunningDispatch(Dispatch, Protocol):
    """A dispatch that is at work until it is closed."""

    async def close(self, grace: Grace) -> None:
        """Leave what is not finished to the next process, or to the others."""
        ...
