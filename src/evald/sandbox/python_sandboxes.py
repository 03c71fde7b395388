"""Run users' Python in sandboxes: many rows through one, each row by itself, owners in turn."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from evald.contract.json_types import JsonObject
from evald.sandbox.backend import Backend, Limits
from evald.sandbox.bubblewrap import bubblewrap
from evald.sandbox.gvisor import gvisor
from evald.sandbox.interface import Executed, Isolation
from evald.sandbox.landlock import landlock
from evald.sandbox.pool import SandboxPool
from evald.sandbox.self_test import MakeBackend, tried_backends

BACKENDS: Final[Sequence[tuple[str, MakeBackend]]] = (
    ("bubblewrap", bubblewrap),
    ("landlock", landlock),
    ("gvisor", gvisor),
)


class PythonSandboxes:
    """Sandboxes for the python graders of all runs, begun when a row needs one.

    The task that waits for a row may be cancelled: the row is dropped while it waits, and its sandbox is
    killed while it runs.
    """

    def __init__(
        self,
        *,
        hidden: Sequence[Path] = (),
        limits: Limits | None = None,
        backends: Sequence[tuple[str, MakeBackend]] = BACKENDS,
    ) -> None:
        """Begin without a sandbox.

        `hidden` are files and folders that no sandbox may show, also where they lie in a folder that it
        shows: the data directory, the config file.
        """
        self._hidden = hidden
        self._limits = limits or Limits()
        self._backends = backends
        self._test: asyncio.Task[tuple[Isolation, Backend | None]] | None = None
        self._pool: SandboxPool | None = None

    def begin(self) -> None:
        """Begin the self-test, in the background. Else the first row begins it."""
        if self._test is None:
            tried = tried_backends(self._backends, self._hidden, self._limits)
            self._test = asyncio.get_running_loop().create_task(tried)

    async def isolation(self) -> Isolation:
        """Give the result of the self-test, which is made once; waits for it."""
        isolation, _ = await self._tested()
        return isolation

    async def _tested(self) -> tuple[Isolation, Backend | None]:
        self.begin()
        assert self._test is not None
        return await asyncio.shield(self._test)

    async def run(self, owner: str, source: str, sample: JsonObject, item: JsonObject) -> Executed:
        """Call `grade(sample, item)` of this source and give what it came to.

        Whatever the source does is in the result; nothing is raised for it. Raises BadJson when a value
        cannot be written as JSON.
        """
        if self._pool is None:
            isolation, backend = await self._tested()
            if backend is None:
                return Executed(None, "python_unavailable", isolation.advice)
            if self._pool is None:
                self._pool = SandboxPool(backend, spare_places=os.cpu_count() or 1)
        return await self._pool.run(owner, source, {"sample": sample, "item": item})

    async def end(self, owner: str) -> None:
        """Kill all that runs for this owner, and drop what waits, at once. More may be asked later."""
        if self._pool is not None:
            await self._pool.end(owner)

    async def close(self) -> None:
        """Kill all; return when nothing is left. Nothing may be asked afterwards."""
        if self._test is not None:
            self._test.cancel()
            await asyncio.gather(self._test, return_exceptions=True)
        if self._pool is not None:
            await self._pool.close()
