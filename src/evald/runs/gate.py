"""Whether rows may begin in this process."""

import asyncio
from collections.abc import Callable
from typing import Final

LOOK_AGAIN: Final = 0.05
"""Seconds between two looks whether there is contact again."""


class Gate:
    """Closed for good when the process leaves, and for a while when it has lost the others.

    What has begun goes on either way: it is paid for.
    """

    def __init__(self, in_contact: Callable[[], bool] = lambda: True) -> None:
        """Be open as long as `in_contact` says so."""
        self._in_contact = in_contact
        self.leaving = False
        """Whether no row begins here any more."""

    def is_open(self) -> bool:
        """Say whether a row may begin now."""
        return self._in_contact() and not self.leaving

    async def opened(self) -> bool:
        """Wait until a row may begin, and say whether one ever may."""
        while not self.leaving:
            if self._in_contact():
                return True
            await asyncio.sleep(LOOK_AGAIN)
        return False
