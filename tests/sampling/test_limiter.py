"""The limiter: never too many at once, turns in rotation, and no place ever lost."""

import asyncio
import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from evald.limiter import FairLimiter

LIMIT = 2
OWNERS = "abc"


class Visitor:
    """Takes a place, keeps it until it is told to go, and stands in `inside` meanwhile."""

    def __init__(
        self,
        owner: str,
        limiter: FairLimiter,
        inside: list["Visitor"],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.owner = owner
        self.go = asyncio.Event()
        self.task = loop.create_task(self._visit(limiter, inside))

    async def _visit(self, limiter: FairLimiter, inside: list["Visitor"]) -> None:
        async with limiter.place(self.owner):
            inside.append(self)
            try:
                await self.go.wait()
            finally:
                inside.remove(self)


class Interleavings(RuleBasedStateMachine):
    """Visitors of three owners come, go and are cancelled between any two steps of the loop.

    Meanwhile there are more places or fewer, and times without any.
    """

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.limiter = FairLimiter(LIMIT)
        self.most = LIMIT
        self.is_open = True
        self.visitors: list[Visitor] = []
        self.inside: list[Visitor] = []

    @rule(owner=st.sampled_from(OWNERS))
    def one_comes(self, owner: str) -> None:
        self.visitors.append(Visitor(owner, self.limiter, self.inside, self.loop))

    @precondition(lambda self: self.inside)
    @rule(place=st.integers(0, LIMIT - 1))
    def one_goes(self, place: int) -> None:
        self.inside[place % len(self.inside)].go.set()

    @precondition(lambda self: self.here())
    @rule(place=st.integers(0, 9))
    def one_is_cancelled(self, place: int) -> None:
        self.here()[place % len(self.here())].task.cancel()

    @rule(limit=st.integers(0, LIMIT + 1))
    def there_are_other_places(self, limit: int) -> None:
        self.limiter.set_limit(limit)

    @rule(is_open=st.booleans())
    def it_opens_or_closes(self, is_open: bool) -> None:
        self.is_open = is_open
        self.limiter.open_until(time.monotonic() + (1000 if is_open else 0))

    @rule()
    def the_loop_takes_one_step(self) -> None:
        self.loop.call_soon(self.loop.stop)
        self.loop.run_forever()

    @rule()
    def the_loop_comes_to_rest(self) -> None:
        for _ in range(10):
            self.the_loop_takes_one_step()
        held, here = len(self.inside), len(self.here())
        assert (self.limiter.held, self.limiter.waiting) == (held, here - held)
        if self.is_open:
            assert held == here or held >= self.limiter.limit, "a place is free, yet one waits"
        owners = Counter(visitor.owner for visitor in self.inside)
        assert all(self.limiter.under_way(owner) == owners[owner] for owner in OWNERS)

    def here(self) -> list[Visitor]:
        return [visitor for visitor in self.visitors if not visitor.task.done()]

    @invariant()
    def never_more_are_inside_than_the_limit_or_were_before(self) -> None:
        self.most = max(self.most, self.limiter.limit) if self.is_open else self.most
        assert len(self.inside) <= self.limiter.held <= self.most
        self.most = max(self.limiter.held, self.limiter.limit if self.is_open else 0)

    def teardown(self) -> None:
        self.it_opens_or_closes(True)
        self.there_are_other_places(LIMIT)
        while self.here():
            self.the_loop_comes_to_rest()
            for visitor in list(self.inside):
                visitor.go.set()
        for _ in range(LIMIT):
            self.one_comes("a")
        self.the_loop_comes_to_rest()
        assert len(self.inside) == LIMIT, "a place was lost"
        for visitor in self.inside:
            visitor.task.cancel()
        self.the_loop_comes_to_rest()
        self.loop.close()


TestInterleavings = pytest.mark.filterwarnings("error")(Interleavings.TestCase)
TestInterleavings.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


@given(st.lists(st.sampled_from(OWNERS), min_size=1, max_size=30))
def test_places_go_round_between_those_who_wait(waiting: list[str]) -> None:
    served = asyncio.run(turns(waiting))

    assert served == in_rotation(waiting)


def test_a_short_run_is_served_beside_a_long_one() -> None:
    served = asyncio.run(turns(["long"] * 100 + ["short"] * 3))

    assert served[:6] == ["long", "short", "long", "short", "long", "short"]


async def test_a_place_that_comes_at_the_moment_of_a_cancel_goes_to_the_next() -> None:
    limiter = FairLimiter(1)
    async with limiter.place("first"):
        second, third = (asyncio.create_task(one_turn(limiter, owner)) for owner in "bc")
        await asyncio.sleep(0)
    # The place is now the second's, who has not woken up yet.
    second.cancel()

    await asyncio.wait([second, third], timeout=10)

    assert (second.cancelled(), third.result()) == (True, "c")
    assert await one_turn(limiter, "d") == "d"


async def one_turn(limiter: FairLimiter, owner: str) -> str:
    async with limiter.place(owner):
        return owner


async def turns(waiting: list[str]) -> list[str]:
    """Let these owners wait for one place that is taken, and give the order of their turns."""
    limiter, served = FairLimiter(1), list[str]()

    async def visit(owner: str) -> None:
        async with limiter.place(owner):
            served.append(owner)

    async with asyncio.TaskGroup() as group, limiter.place("somebody else"):
        for owner in waiting:
            group.create_task(visit(owner))
        await asyncio.sleep(0)
    return served


def in_rotation(waiting: list[str]) -> list[str]:
    """Give the fair order: one of each in the order of coming, then again one of each."""
    left, owners = Counter(waiting), list(dict.fromkeys(waiting))
    order: list[str] = []
    while owners:
        owner = owners.pop(0)
        order.append(owner)
        left[owner] -= 1
        if left[owner]:
            owners.append(owner)
    return order
