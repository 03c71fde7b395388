"""What happened so far: calls started, finished and aborted, and waiting for such numbers."""

import asyncio
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

TIMES_KEPT = 10_000
CALLS_KEPT = 100_000
WAITABLE = ("started", "finished", "aborted", "in_flight", "held")


@dataclass(frozen=True)
class Stats:
    """The counters at one moment. Times are time.monotonic() seconds, the same in all processes."""

    started: int
    finished: int  # the server did all that the step says, also if that is an error or a cut
    aborted: int  # the client closed the connection before that
    in_flight: int
    max_in_flight: int
    held: int  # waiting for a release
    calls_by_message: Mapping[str, int]  # the key is the last user message
    started_at: tuple[float, ...]  # the last 10,000
    aborted_at: tuple[float, ...]


@dataclass(slots=True)
class CallRecord:
    """One call: what it asked, who asked, and when. Times are time.monotonic() seconds."""

    message: str
    caller: str  # the key that came with it
    began_at: float
    ended_at: float | None = None  # None while it is in flight
    aborted: bool = False  # the client left before the end of the answer


class Ledger:
    """Counts calls as they come and go, and wakes those who wait for a number."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.held = 0
        self.waiting: list[tuple[Mapping[str, int], asyncio.Future[Stats]]] = []
        self.reset()

    def reset(self) -> None:
        """Count from 0 again. Calls in flight stay in flight, and their ends will be counted."""
        self.started = self.finished = self.aborted = 0
        self.max_in_flight = self.in_flight
        self.calls_by_message: dict[str, int] = {}
        self.started_at: deque[float] = deque(maxlen=TIMES_KEPT)
        self.aborted_at: deque[float] = deque(maxlen=TIMES_KEPT)
        self.calls: deque[CallRecord] = deque(maxlen=CALLS_KEPT)

    def start(self, message: str, caller: str) -> CallRecord:
        """Note that a call has come; the record is for its end."""
        record = CallRecord(message, caller, time.monotonic())
        self.calls.append(record)
        self.started += 1
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        self.calls_by_message[message] = self.calls_by_message.get(message, 0) + 1
        self.started_at.append(record.began_at)
        self.wake()
        return record

    def finish(self, record: CallRecord) -> None:
        """Note that a call was answered as its step says."""
        record.ended_at = time.monotonic()
        self.finished += 1
        self.in_flight -= 1
        self.wake()

    def abort(self, record: CallRecord) -> None:
        """Note that the client has left before the end of the answer."""
        record.ended_at, record.aborted = time.monotonic(), True
        self.aborted += 1
        self.in_flight -= 1
        self.aborted_at.append(record.ended_at)
        self.wake()

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Count a call as held for the duration of the block."""
        self.held += 1
        self.wake()
        try:
            yield
        finally:
            self.held -= 1
            self.wake()

    def stats(self) -> Stats:
        """Give the counters as they are now."""
        return Stats(
            started=self.started,
            finished=self.finished,
            aborted=self.aborted,
            in_flight=self.in_flight,
            max_in_flight=self.max_in_flight,
            held=self.held,
            calls_by_message=dict(self.calls_by_message),
            started_at=tuple(self.started_at),
            aborted_at=tuple(self.aborted_at),
        )

    async def until(self, wanted: Mapping[str, int], seconds: float) -> Stats:
        """Give the stats of the first moment at which the numbers are met; TimeoutError after that.

        Every change is looked at, so a number that is met for an instant only is not missed.
        """
        if meets(self, wanted):
            return self.stats()
        entry = (wanted, asyncio.get_running_loop().create_future())
        self.waiting.append(entry)
        try:
            return await asyncio.wait_for(entry[1], seconds)
        finally:
            self.waiting.remove(entry)

    def wake(self) -> None:
        """Answer those who wait for numbers that are met now."""
        for wanted, answer in self.waiting:
            if not answer.done() and meets(self, wanted):
                answer.set_result(self.stats())


def meets(counts: Ledger, wanted: Mapping[str, int]) -> bool:
    """Say whether each number is at least the one wanted; `in_flight` 0 means none at all."""
    if wanted.get("in_flight") == 0 and counts.in_flight > 0:
        return False
    return all(getattr(counts, name) >= number for name, number in wanted.items())
