"""A limit on what is under way at once, with turns that are fair between runs."""

import asyncio
import math
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from typing import Protocol

Turn = asyncio.Future[None]


class StartTimes(Protocol):
    """The times at which something may begin, one for each."""

    def take(self, now: float) -> float:
        """Take the start time that has come, and give 0.

        Or give the seconds until the next one comes; `math.inf` when that is not known, and the limiter
        will be told. `now` is that of `time.monotonic`.
        """
        ...

    def count_another(self) -> None:
        """Take a start time that something did not wait for."""
        ...


class _Place:
    """Not a generator with a decorator: each call holds one, and that took twice the time."""

    __slots__ = ("_limiter", "_owner")

    def __init__(self, limiter: "FairLimiter", owner: str) -> None:
        self._limiter = limiter
        self._owner = owner

    async def __aenter__(self) -> None:
        await self._limiter.take(self._owner)

    async def __aexit__(self, *_: object) -> None:
        self._limiter.give_back(self._owner)


class FairLimiter:
    """Has a number of places, for calls say, and gives free ones to the waiting owners in rotation.

    A run of ten rows so gets its turns beside one of a million. Within an owner the order is that of
    asking. With start times a place is given when one has come, and not before: who has a place has
    begun.
    """

    when_waiting: Callable[[], None] | None = None
    """Called when somebody has to wait because no place is free."""

    def __init__(self, limit: int, starts: StartTimes | None = None) -> None:
        """Give `limit` places, for ever."""
        self._limit = self._free = limit
        self._starts = starts
        self._open_until = math.inf
        self._is_plain = starts is None
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: OrderedDict[str, deque[Turn]] = OrderedDict()
        self._number_waiting = 0
        self._under_way: Counter[str] = Counter()

    @property
    def limit(self) -> int:
        """How many places there are."""
        return self._limit

    @property
    def free(self) -> int:
        """How many places nobody has; below 0 while more are held than there are by now."""
        return self._free

    @property
    def held(self) -> int:
        """How many places are held."""
        return self._limit - self._free

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return self._number_waiting

    def under_way(self, owner: str) -> int:
        """Give how many places this owner holds."""
        return self._under_way[owner]

    def set_limit(self, limit: int) -> None:
        """Have another number of places, also none; those that are held stay held until they end."""
        self._free += limit - self._limit
        self._limit = limit
        self.look_again()

    def open_until(self, end: float) -> None:
        """Give places before this time of `time.monotonic`, and none afterwards."""
        self._open_until = end
        self._is_plain = False
        self.look_again()

    def set_starts(self, starts: StartTimes) -> None:
        """Begin at these times from now on."""
        self._starts = starts
        self._is_plain = False

    def count_another(self) -> None:
        """Count one more start, of something that holds its place and begins a second time."""
        if self._starts is not None:
            self._starts.count_another()

    def look_again(self) -> None:
        """Give out places: there may be more, or a start time may have come."""
        if self._free > 0 and self._waiting:
            self._give_out()

    def place(self, owner: str) -> "_Place":
        """Hold one place inside `async with`; waits for it. A cancelled wait takes none."""
        return _Place(self, owner)

    async def take(self, owner: str) -> None:
        """Take a place, or wait for it."""
        if self._free > 0 and (self._is_plain or (not self._waiting and self._may_begin())):
            self._free -= 1
        else:
            await self._wait_for_turn(owner)
        self._under_way[owner] += 1

    async def _wait_for_turn(self, owner: str) -> None:
        turn: Turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append(turn)
        self._number_waiting += 1
        if self._free > 0:
            self._give_out()
        elif self.when_waiting is not None:
            self.when_waiting()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_on()  # the place came at the very moment of the cancel
            else:
                self._number_waiting -= 1
            raise

    def give_back(self, owner: str) -> None:
        """Give a place to whoever waits for it."""
        self._under_way[owner] -= 1
        if not self._under_way[owner]:
            del self._under_way[owner]
        self._pass_on()

    def _pass_on(self) -> None:
        self._free += 1
        if self._waiting:
            self._give_out()

    def _give_out(self) -> None:
        """Give free places to those who wait, in rotation, as long as they may begin."""
        while self._free > 0 and self._waiting:
            owner, turns = next(iter(self._waiting.items()))
            while turns and turns[0].done():
                turns.popleft()  # cancelled
            if turns and not self._may_begin():
                return
            if turns:
                turns.popleft().set_result(None)
                self._number_waiting -= 1
                self._free -= 1
            if turns:
                self._waiting.move_to_end(owner)
            else:
                del self._waiting[owner]

    def _may_begin(self) -> bool:
        """Say whether something may begin now; if so, its start time is taken."""
        if self._is_plain:
            return True
        now = time.monotonic()
        if now >= self._open_until:
            return False
        pause = 0.0 if self._starts is None else self._starts.take(now)
        if 0 < pause < math.inf and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(pause, self._rings)
        return pause == 0

    def _rings(self) -> None:
        self._timer = None
        self.look_again()
