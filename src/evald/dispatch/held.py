"""The entries of the queue that this process has, and the tasks that work on them."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from evald.store.queue import Entry


@dataclass(eq=False)
class Held:
    """An entry that is ours, and the task that works on it."""

    entry: Entry
    task: "asyncio.Task[None]" = field(init=False)
    is_open: bool = True
    """Whether it has rows that have not begun."""
    is_cut_off: bool = False
    """Whether it was stopped: its calls in flight are counted once."""


class HeldEntries:
    """What is held, each by the claim under which it was taken."""

    def __init__(self) -> None:
        """Hold nothing."""
        self._held: dict[UUID, Held] = {}

    def __contains__(self, held: Held) -> bool:
        return held.entry.claim in self._held

    def add(self, entry: Entry) -> Held:
        """Hold an entry, whose task is to be set."""
        held = self._held[entry.claim] = Held(entry)
        return held

    def remove(self, held: Held) -> None:
        """Hold an entry no more: it is not renewed."""
        del self._held[held.entry.claim]

    def all(self) -> list[Held]:
        """Give all that is held now."""
        return list(self._held.values())

    def of_run(self, run_id: str) -> list[Held]:
        """Give what is held of a run."""
        return [held for held in self._held.values() if held.entry.run_id == run_id]

    @property
    def open(self) -> int:
        """How many have rows that have not begun."""
        return sum(held.is_open for held in self._held.values())

    def runs_with_open(self, number: int) -> list[str]:
        """Give the runs of which so many are open, or more."""
        open_of = Counter(held.entry.run_id for held in self._held.values() if held.is_open)
        return [run_id for run_id, chunks in open_of.items() if chunks >= number]

    def cut_off(self, run_id: str, calls_in_flight: Callable[[str], int]) -> tuple[int, list[Held]]:
        """Cancel all that is done for a run, now; give the calls cut off and what they were for.

        What was cut off before is neither counted nor given again.
        """
        stopped = [held for held in self.of_run(run_id) if not held.is_cut_off]
        aborted = calls_in_flight(run_id) if stopped else 0
        for held in stopped:
            held.is_cut_off = True
            held.task.cancel()
        return aborted, stopped
