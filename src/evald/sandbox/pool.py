"""All sandboxes of one backend: a line of rows for each owner and source."""

import asyncio
import time
from typing import Final

import structlog

from evald.contract.json_types import JsonObject
from evald.rules.json_text import dump_bytes
from evald.sandbox.backend import Backend
from evald.sandbox.interface import Executed
from evald.sandbox.line import Line, SparePlaces, wholly
from evald.sandbox.sandbox import framed

IDLE_S: Final = 60.0
"""A sandbox without rows is kept so long: the next row would have to load all packages again."""
MOST_IDLE: Final = 32
"""Runs end theirs themselves; those that wait for slow models must not lose theirs to one another."""
_TIDIED_EVERY_S: Final = 1.0

log = structlog.get_logger()


class SandboxPool:
    """Rows go through their own line; the lines share the places for more than one sandbox each."""

    def __init__(self, backend: Backend, spare_places: int) -> None:
        """Begin without a sandbox."""
        self._backend = backend
        self._places = SparePlaces(spare_places, self._fill_lines)
        self._lines: dict[tuple[str, str], Line] = {}
        self._tidying: asyncio.Task[None] | None = None

    async def run(self, owner: str, source: str, given: JsonObject) -> Executed:
        """Give what comes of one row. Raises BadJson when it cannot be written as JSON."""
        frame = framed(dump_bytes(given))
        line = self._lines.get((owner, source))
        if line is None:
            line = self._lines[owner, source] = Line(self._backend, source, self._places)
            self._keep_tidy()
        return await line.run(frame)

    def _fill_lines(self) -> None:
        for line in self._lines.values():
            line.fill()

    def _keep_tidy(self) -> None:
        if self._tidying is None:
            self._tidying = asyncio.get_running_loop().create_task(self._tidy())

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(_TIDIED_EVERY_S)
            now = time.monotonic()
            try:
                for line in self._lines.values():
                    line.tidy(now)
                await self._end_idle(now)
            except Exception:  # the next time it may go well, and without it nothing would be ended
                log.exception("sandboxes could not be tidied")

    async def _end_idle(self, now: float) -> None:
        idle = sorted((line.idle_since, key) for key, line in self._lines.items() if line.is_idle)
        too_many = len(idle) - MOST_IDLE
        for place, (since, key) in enumerate(idle):
            line = self._lines.get(key)
            if line is not None and line.is_idle and (place < too_many or now - since > IDLE_S):
                del self._lines[key]
                await wholly(line.end())

    async def end(self, owner: str) -> None:
        """Kill all that runs for this owner, and drop what waits."""
        lines = [self._lines.pop(key) for key in list(self._lines) if key[0] == owner]
        await asyncio.gather(*(line.end() for line in lines))

    async def close(self) -> None:
        """Kill all. Nothing may be asked afterwards."""
        if self._tidying is not None:
            self._tidying.cancel()
            await asyncio.gather(self._tidying, return_exceptions=True)
        lines = list(self._lines.values())
        self._lines.clear()
        await asyncio.gather(*(line.end() for line in lines))
