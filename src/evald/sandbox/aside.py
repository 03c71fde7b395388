"""Long computations in a process of their own, so that requests and cancels are not held up."""

import asyncio
import ctypes
import multiprocessing
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

Result = TypeVar("Result")

PR_SET_PDEATHSIG = 1


class ProcessAside:
    """One worker process, begun when it is first needed."""

    def __init__(self) -> None:
        """Begin without a process."""
        self._pool = _new_pool()

    async def __call__(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Give what the function gives. Raises BrokenProcessPool when the process was killed."""
        pool = self._pool
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, function, *arguments)
        except BrokenProcessPool:
            if self._pool is pool:  # the first to notice begins a new one for all that follow
                self._pool = _new_pool()
            raise

    def close(self) -> None:
        """End the process without waiting for what it computes."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _new_pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        1, mp_context=multiprocessing.get_context("spawn"), initializer=_begin_worker
    )


def _begin_worker() -> None:
    """Leave Ctrl-C to the parent, and end with it however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
