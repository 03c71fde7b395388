"""Whether rows and model calls may begin in this process."""

import asyncio
from collections.abc import Callable
from typing import Final

from evald.errors import NotBegun

LOOK_AGAIN: Final = 0.05
"""Seconds between two looks whether there is contact again."""


class Gate:
    """Closed for good when the process leaves, and for a while when it has lost the others.

    What has begun goes on either way: it is paid for.
    """

    def __init__(self) -> None:
        """Be open."""
        self.in_contact: Callable[[], bool] = lambda: True
        """Says whether other processes know of this one; if not, they may have taken over its work."""
        self.leaving = False
        """Whether no row begins here any more."""
        self.of_begun_rows = _ContactGate(self)
        """The same for rows that have made a call: they come to their end when the process leaves."""

    def is_open(self) -> bool:
        """Say whether a row may begin now."""
        return not self.leaving and self.in_contact()

    async def opened(self) -> None:
        """Wait until a row may begin. Raises NotBegun when none ever will."""
        while not self.is_open():
            if self.leaving:
                raise NotBegun
            await asyncio.sleep(LOOK_AGAIN)


class _ContactGate:
    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def is_open(self) -> bool:
        return self._gate.in_contact()

    async def opened(self) -> None:
        while not self.is_open():
            await asyncio.sleep(LOOK_AGAIN)
