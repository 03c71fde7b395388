"""Long computations in a process beside the server, so that requests and cancels are not held up."""

import pickle
from collections.abc import Callable
from typing import Final, TypeVar, cast

import structlog

from evald.errors import ProcessDied
from evald.limiter import FairLimiter
from evald.sandbox.worker import Worker, WorkerDied, begin_worker

TRIES: Final = 2
"""The first process may have been killed for the memory or at the wish of somebody else."""

log = structlog.get_logger()

Result = TypeVar("Result")


class ProcessAside:
    """One process for all runs, begun when it is first needed; runs that wait for it take turns.

    A computation whose task is cancelled is dropped while it waits, and stopped while it runs: there is
    no other way to stop it than to kill the process, and the next one begins a new one.
    """

    def __init__(self) -> None:
        """Begin without a process."""
        self._turns = FairLimiter(1)
        self._worker: Worker | None = None

    async def __call__(
        self, owner: str, function: Callable[..., Result], *arguments: object
    ) -> Result:
        """Give what the function gives, or raise what it raises, when it is the owner's turn.

        Function, arguments and result must be picklable. Raises ProcessDied when two processes died
        over it.
        """
        async with self._turns.place(owner):
            answer = await self._answer(pickle.dumps((function, arguments)))
        result, error = pickle.loads(answer)  # noqa: S301  (written by our own code)
        if error is not None:
            raise error
        return cast("Result", result)

    async def _answer(self, asked: bytes) -> bytes:
        died = ""
        for _ in range(TRIES):
            try:
                return await (await self._usable_worker()).ask(asked)
            except WorkerDied as error:
                died = str(error)
                log.warning("the process for long computations died", died=died)
        raise ProcessDied(
            f"Two processes that were to compute this died, the last {died}. The machine may be "
            "short of memory.",
        )

    async def _usable_worker(self) -> Worker:
        if self._worker is not None and not self._worker.is_usable:
            await self._worker.end()  # its memory is free before another takes some
            self._worker = None
        if self._worker is None:
            self._worker = await begin_worker()
        return self._worker

    async def close(self) -> None:
        """End the process, whatever it computes."""
        if self._worker is not None:
            await self._worker.end()
