"""How long a call may take: until it is connected, until its first byte, until its end."""

import asyncio
from functools import cache

import aiohttp

from evald.sampling.providers import Timeouts


@cache
def only_connecting(seconds: float) -> aiohttp.ClientTimeout:
    """Give the limit of aiohttp for connecting alone; the rest is the deadline's."""
    return aiohttp.ClientTimeout(total=None, sock_connect=seconds)


class Deadline:
    """The limits of a call on one timer: until its first byte, then until its end."""

    def __init__(self, limits: Timeouts) -> None:
        """Begin now. The call must run inside `timer`."""
        self._limits = limits
        self._end = asyncio.get_running_loop().time() + limits.total
        self._begun = limits.total <= limits.first_byte
        self.timer = asyncio.timeout(min(limits.first_byte, limits.total))

    def first_byte_came(self) -> None:
        """Wait for the end from now on."""
        if not self._begun:
            self._begun = True
            self.timer.reschedule(self._end)

    def missed(self, error: TimeoutError) -> str:
        """Say which of the limits was over, by the name of its setting."""
        limits = self._limits
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            passed = f"took no connection within {limits.connect:g} s (connect_timeout)"
        elif not self._begun:
            passed = f"sent nothing within {limits.first_byte:g} s (first_byte_timeout)"
        else:
            passed = f"did not end its answer within {limits.total:g} s (total_timeout)"
        return f"The model endpoint {passed}."
