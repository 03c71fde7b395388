"""Start times: never more in any stretch of time than the pace allows, and none wasted."""

from bisect import bisect_right
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evald.rules.start_times import OwnStartTimes, Pace

RATES = st.sampled_from([0.5, 6.0, 59.0, 60.0, 61.0, 120.0, 600.0, 6000.0])


def most_in(seconds: float, begun: list[float]) -> int:
    """Give the largest number that began within a stretch of this length."""
    return max(
        (bisect_right(begun, start + seconds) - place for place, start in enumerate(begun)),
        default=0,
    )


@given(RATES, st.lists(st.floats(0, 3), max_size=200), st.sampled_from([0.0, 1.0, 10.0, 60.0]))
def test_never_more_begin_than_the_pace_allows(
    rate: float, pauses: list[float], seconds: float
) -> None:
    pace, now, begun = Pace.of(rate), 1000.0, list[float]()
    starts = OwnStartTimes(pace)
    for pause in pauses:
        now += pause
        if starts.take(now) == 0:
            begun.append(now)

    assert most_in(seconds, begun) <= (seconds + pace.saved_up) / pace.interval + 1 + 1e-6


@pytest.mark.parametrize(
    ("rate", "at_once"), [(0.5, 1), (6, 1), (60, 1), (100, 1), (120, 2), (600, 10), (6000, 100)]
)
def test_after_a_pause_one_seconds_worth_begins_at_once_and_at_least_one(
    rate: float, at_once: int
) -> None:
    starts = OwnStartTimes(Pace.of(rate))

    begun = [starts.take(1000.0) for _ in range(at_once + 1)]

    assert begun[:-1] == [0.0] * at_once
    assert begun[-1] > 0


@given(RATES)
@settings(deadline=None)
def test_who_asks_again_when_it_was_told_to_begins_at_the_pace(rate: float) -> None:
    pace, now, begun = Pace.of(rate), 1000.0, list[float]()
    starts = OwnStartTimes(pace)
    while len(begun) < 300:
        pause = starts.take(now)
        now += pause + 1e-9
        begun += [now] if pause == 0 else []

    steady = [later - earlier for earlier, later in pairwise(begun[200:])]
    assert steady == pytest.approx([pace.interval] * 99, rel=0.001, abs=1e-6)


def test_a_start_that_did_not_wait_is_counted_all_the_same() -> None:
    starts, others = (OwnStartTimes(Pace.of(6)) for _ in range(2))
    assert starts.take(1000.0) == others.take(1000.0) == 0
    starts.count_another()

    assert starts.take(1001.0) == pytest.approx(others.take(1001.0) + 10)
