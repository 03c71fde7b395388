"""What the work on runs needs from outside; `assembly` puts it together."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from evald.clock import Clock
from evald.runs.gate import Gate
from evald.sampling.interface import Embedder, Sampler
from evald.sandbox.python_sandboxes import PythonSandboxes
from evald.store.database import Database

Result = TypeVar("Result")


class Dispatch(Protocol):
    """Has runs carried out, by whoever does it here."""

    async def queue(self, connection: AsyncConnection, run_id: str) -> None:
        """Put a run into the queue, in the transaction that makes it `queued`."""
        ...

    async def unqueue(self, connection: AsyncConnection, run_id: str) -> None:
        """Take a run out of the queue, in the transaction that ends it."""
        ...

    def wake(self, run_id: str) -> None:
        """Have a queued run carried out now that this is committed. A second call changes nothing."""
        ...

    async def stop(self, run_id: str) -> int:
        """Stop carrying a run out, and give the number of model calls that this cut off.

        When it returns nothing of the run goes on in this process: its calls are closed and the items
        that were finished are saved. Other machines have been told, and have done the same if they are
        there; those that are not are kept from saving by the move that follows.
        """
        ...

    def alone(self, run_id: str) -> AbstractAsyncContextManager[None]:
        """Give the lock under which a run is canceled, so that cancels of it come one by one.

        Together, one that finds the run stopped would save that it cut off no call.
        """
        ...


class SharedAside(Protocol):
    """An `Aside` for all owners, which take turns: runs, or the evals that large requests are for."""

    async def __call__(
        self, owner: str, function: Callable[..., Result], *arguments: object
    ) -> Result:
        """Give what the function gives when it is the turn of its owner. Raises ProcessDied."""
        ...


@dataclass(frozen=True)
class Tools:
    """The tools of a run."""

    database: Database
    sampler: Sampler
    embed: Embedder | None
    """None where no embedding model is configured."""
    aside: SharedAside
    clock: Clock
    rows_at_once: int
    """Rows of one chunk that are worked on at the same time."""
    max_error_rate: float
    """The share of errored rows, from 0 to 1, beyond which a run counts as failed."""
    sandboxes: PythonSandboxes | None = None
    """Where the programs of python graders run, or None where none ever does."""
    gate: Gate = field(default_factory=Gate)
    """Whether rows and their calls may begin here."""
    after_end: Callable[[], None] = lambda: None
    """Called when a run may have ended, and the event of that may have been recorded."""
