"""How processes share a provider's places: never too many together, none left free, each its turn."""

from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from evald.rules.shares import FRESH, Share, next_beat

NAMES = "abcde"
LIMIT = 7


@dataclass
class Process:
    """A process as its limiter has it: calls that it wants, that are under way, and may be."""

    name: str
    limit: int = LIMIT
    wanted: int = 0
    under_way: int = 0
    may: int = 0
    seen_at: float = -FRESH
    share: Share = field(default_factory=lambda: Share("", LIMIT, 0, 0))

    def begin_calls(self) -> None:
        self.under_way = max(self.under_way, min(self.wanted, self.may))

    def beat(self, table: "dict[str, Process]", now: float, *, is_saved: bool = True) -> None:
        """Beat as a process does: what it gives up at once, what it gains when that is saved."""
        others = [
            each.share for each in table.values() if each is not self and now - each.seen_at < FRESH
        ]
        own = replace(self.share, process_id=self.name, limit=self.limit, wanted=self.wanted)
        beat = next_beat(own, others, self.under_way, now)
        self.may = min(self.may, beat.limit)
        if is_saved:
            self.share, self.seen_at, self.may = beat.share, now, beat.limit


class Beats(RuleBasedStateMachine):
    """Calls come and end, processes beat, fail to, die and come back, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.table = {name: Process(name) for name in NAMES}

    @rule(name=st.sampled_from(NAMES), wanted=st.integers(0, 12))
    def calls_come(self, name: str, wanted: int) -> None:
        process = self.table[name]
        process.wanted = max(wanted, process.under_way)
        if self.now - process.seen_at < FRESH:
            process.begin_calls()

    @rule(name=st.sampled_from(NAMES), number=st.integers(1, 12))
    def calls_end(self, name: str, number: int) -> None:
        process = self.table[name]
        ended = min(number, process.under_way)
        process.under_way -= ended
        process.wanted -= ended

    @rule(name=st.sampled_from(NAMES), is_saved=st.booleans())
    def one_beats(self, name: str, is_saved: bool) -> None:
        self.table[name].beat(self.table, self.now, is_saved=is_saved)

    @rule(name=st.sampled_from(NAMES))
    def one_dies(self, name: str) -> None:
        dead = self.table[name]
        self.table[name] = Process(name, share=dead.share, seen_at=dead.seen_at)

    @rule(seconds=st.sampled_from([0.05, 0.5, 1.1]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        for process in self.table.values():
            if self.now - process.seen_at > FRESH:  # it had no contact, and begins nothing more
                process.may = process.under_way = 0

    @invariant()
    def no_more_is_granted_than_there_is(self) -> None:
        fresh = [each for each in self.table.values() if self.now - each.seen_at < FRESH]
        assert sum(each.share.granted for each in fresh) <= LIMIT

    @invariant()
    def no_more_calls_are_under_way_than_may_be(self) -> None:
        assert sum(each.under_way for each in self.table.values()) <= LIMIT

    @precondition(lambda self: any(each.wanted for each in self.table.values()))
    @rule()
    def after_some_beats_of_each_no_place_is_free_that_is_wanted(self) -> None:
        for _ in range(5):
            for process in self.table.values():
                process.beat(self.table, self.now)
        may = sum(min(each.may, each.wanted) for each in self.table.values())
        held = sum(max(each.under_way, each.may) for each in self.table.values())
        wanted = sum(each.wanted for each in self.table.values())
        assert may >= min(LIMIT, wanted) or held >= LIMIT


TestBeats: Any = Beats.TestCase
TestBeats.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def grants(shares: list[Share], under_way: int = 0) -> list[int]:
    """Give what each is granted when all beat twice, one after the other."""
    for _ in range(2):
        for place, share in enumerate(shares):
            others = [*shares[:place], *shares[place + 1 :]]
            shares[place] = next_beat(share, others, under_way, 1000.0).share
    return [share.granted for share in shares]


def wanting(*numbers: int, limit: int = 8) -> list[Share]:
    return [Share(NAMES[place], limit, wanted, 0) for place, wanted in enumerate(numbers)]


@given(st.integers(1, 64), st.lists(st.integers(0, 80), min_size=1, max_size=5))
def test_nobody_gets_less_than_an_equal_part_of_what_it_wants(
    limit: int, numbers: list[int]
) -> None:
    equal = limit // len(numbers)

    granted = grants(wanting(*numbers, limit=limit))

    assert all(got >= min(number, equal) for got, number in zip(granted, numbers, strict=True))
    assert sum(granted) == limit


def test_one_that_wants_alone_gets_all_and_its_share_goes_back_in_parts() -> None:
    assert grants(wanting(20, 0, 0)) == [8, 0, 0]
    assert grants(wanting(0, 0, 0)) == [3, 3, 2]
    assert grants(wanting(1, 20, 2)) == [1, 5, 2]


def test_a_share_goes_down_only_as_calls_end() -> None:
    one = Share("a", 8, wanted=8, granted=8)
    other = Share("b", 8, wanted=8, granted=0)

    assert next_beat(one, [other], 8, 1000.0).share.granted == 8
    assert next_beat(one, [other], 6, 1000.0).share.granted == 6
    assert next_beat(one, [other], 6, 1000.0).limit == 4
    assert next_beat(one, [other], 0, 1000.0).share.granted == 4


def test_the_lowest_limit_holds_for_all() -> None:
    shares = [Share("a", 8, 10, 0), Share("b", 4, 10, 0)]

    assert grants(shares) == [2, 2]


@given(
    limit=st.integers(1, 4),
    lengths=st.lists(st.integers(1, 40), min_size=2, max_size=5),
)
@settings(max_examples=60, deadline=None)
def test_each_gets_its_turn_where_there_are_fewer_places_than_processes(
    limit: int, lengths: list[int]
) -> None:
    """Each process wants everything and makes calls of its own length, in tenths of seconds."""
    table = {name: Process(name, limit, wanted=50) for name in NAMES[: len(lengths)]}
    last_call = dict.fromkeys(table, 1000.0)
    ends = {name: list[float]() for name in table}
    patience = len(lengths) * (1.0 + 0.5 + max(lengths) / 10) + 1.0

    for tick in range(600):
        now = 1000.0 + tick / 10
        for name, length in zip(table, lengths, strict=True):
            process = table[name]
            ends[name] = [end for end in ends[name] if end > now]
            process.under_way = len(ends[name])
            process.beat(table, now)
            while len(ends[name]) < process.may:
                ends[name].append(now + length / 10)
            process.under_way = len(ends[name])
            if ends[name]:
                last_call[name] = now
            assert now - last_call[name] < patience, f"{name} starves"
        assert sum(map(len, ends.values())) <= limit
