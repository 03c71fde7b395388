"""How long a call may take: until it is connected, until its first byte, until its end."""

import asyncio
from functools import cache
from types import TracebackType
from typing import Self

import aiohttp

from evald.sampling.providers import Timeouts


@cache
def only_connecting(seconds: float) -> aiohttp.ClientTimeout:
    """Give the limit of aiohttp for connecting alone; the rest is the deadline's."""
    return aiohttp.ClientTimeout(total=None, sock_connect=seconds)


class Deadline:
    """The limits of a call: until its first byte, then until its end.

    A `with` block that takes longer ends with a TimeoutError, as one of `asyncio.timeout` does. There
    is one timer, and it is not set anew when the first byte comes: it sees that when it rings. With
    `asyncio.timeout` each call took 4 % more of the processor.
    """

    def __init__(self, limits: Timeouts) -> None:
        """Begin now."""
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._begun = limits.total <= limits.first_byte
        self._missed = False

    def __enter__(self) -> Self:
        """Watch the current task."""
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cancels_before = task.cancelling()
        self._watch()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Raise TimeoutError if the deadline, and nobody else, cut the block off."""
        self._timer.cancel()
        if not self._missed:
            return
        cancelled_by_others = self._task.uncancel() > self._cancels_before
        if kind is asyncio.CancelledError and not cancelled_by_others:
            raise TimeoutError from error

    def _watch(self) -> None:
        self._for_the_end = self._begun
        limit = self._limits.total if self._begun else self._limits.first_byte
        self._timer = self._loop.call_at(self._began + limit, self._rings)

    def _rings(self) -> None:
        if self._begun and not self._for_the_end:  # the first byte came since the timer was set
            self._watch()
            return
        self._missed = True
        self._task.cancel()

    def first_byte_came(self) -> None:
        """Wait for the end from now on."""
        self._begun = True

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
