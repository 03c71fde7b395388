"""A limit on what is under way at once, with turns that are fair between runs."""

import asyncio
from collections import Counter, OrderedDict, deque

Turn = asyncio.Future[None]


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
    asking.
    """

    def __init__(self, limit: int) -> None:
        """Give `limit` places."""
        self._free = limit
        self._waiting: OrderedDict[str, deque[Turn]] = OrderedDict()
        self._under_way: Counter[str] = Counter()

    def under_way(self, owner: str) -> int:
        """Give how many places this owner holds."""
        return self._under_way[owner]

    def place(self, owner: str) -> "_Place":
        """Hold one place inside `async with`; waits for it. A cancelled wait takes none."""
        return _Place(self, owner)

    async def take(self, owner: str) -> None:
        """Take a place, or wait for it."""
        if self._free > 0:
            self._free -= 1
        else:
            await self._wait_for_turn(owner)
        self._under_way[owner] += 1

    async def _wait_for_turn(self, owner: str) -> None:
        turn: Turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_on()  # the place came at the very moment of the cancel
            raise

    def give_back(self, owner: str) -> None:
        """Give a place to whoever waits for it."""
        self._under_way[owner] -= 1
        if not self._under_way[owner]:
            del self._under_way[owner]
        self._pass_on()

    def _pass_on(self) -> None:
        while self._waiting:
            owner, turns = self._waiting.popitem(last=False)
            while turns:
                turn = turns.popleft()
                if not turn.done():
                    turn.set_result(None)
                    if turns:
                        self._waiting[owner] = turns  # to the end of the rotation
                    return
        self._free += 1
