"""Intervals on a scale around zero: they stay on it, and say by their kind where zero is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.dashboard.compare_bars import WIDTH, scale_for
from evald.rules.statistics import Interval

BOUNDS = st.tuples(st.floats(-100, 100), st.floats(-100, 100)).map(sorted)


@given(BOUNDS)
def test_an_interval_lies_on_the_scale_that_is_made_for_it(bounds: list[float]) -> None:
    interval = Interval(*bounds)
    scale = scale_for([interval])

    bar = scale.bar(interval.low, interval)

    assert scale.reach >= max(abs(interval.low), abs(interval.high))
    assert 0 <= bar.start <= bar.value <= WIDTH
    assert bar.start + bar.width <= WIDTH + 2.1


@pytest.mark.parametrize(
    ("interval", "side"),
    [(Interval(0.1, 0.2), "pass"), (Interval(-0.2, -0.1), "fail"), (Interval(-0.1, 0.2), "run")],
)
def test_an_interval_is_of_one_side_only_if_it_does_not_hold_zero(
    interval: Interval, side: str
) -> None:
    assert scale_for([interval]).bar(interval.low, interval).side == side


@pytest.mark.parametrize(
    ("largest", "reach"), [(0.174, 0.2), (0.2, 0.2), (0.21, 0.5), (3.0, 5.0), (0.0, 1.0)]
)
def test_the_scale_ends_at_a_round_number(largest: float, reach: float) -> None:
    assert scale_for([Interval(-largest, 0.0)]).reach == pytest.approx(reach)
