"""The Wilson interval: its defining equation, its bounds, and published figures."""

from math import isclose, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.rules.statistics import (
    Z_95,
    Interval,
    difference_interval,
    wilson_interval,
)

COUNTS = st.integers(1, 1_000_000).flatmap(
    lambda total: st.tuples(st.integers(0, total), st.just(total))
)


@given(COUNTS)
def test_both_bounds_solve_the_score_equation(counts: tuple[int, int]) -> None:
    passed, total = counts
    share = passed / total

    for bound in wilson_interval(passed, total):
        distance = Z_95 * sqrt(bound * (1 - bound) / total)
        assert isclose(abs(share - bound), distance, rel_tol=1e-6, abs_tol=1e-9)


@given(COUNTS)
def test_the_interval_holds_the_measured_share_and_stays_within_0_and_1(
    counts: tuple[int, int],
) -> None:
    passed, total = counts

    low, high = wilson_interval(passed, total)

    assert 0 <= low <= passed / total <= high <= 1
    assert low < high


@given(COUNTS)
def test_failing_is_the_mirror_of_passing(counts: tuple[int, int]) -> None:
    passed, total = counts

    interval = wilson_interval(passed, total)
    mirrored = wilson_interval(total - passed, total)

    assert isclose(interval.low, 1 - mirrored.high, abs_tol=1e-12)
    assert isclose(interval.high, 1 - mirrored.low, abs_tol=1e-12)


@given(COUNTS)
def test_ten_times_the_items_at_the_same_share_narrow_the_interval(counts: tuple[int, int]) -> None:
    passed, total = counts

    few = wilson_interval(passed, total)
    many = wilson_interval(10 * passed, 10 * total)

    assert many.high - many.low < few.high - few.low


@pytest.mark.parametrize(
    ("passed", "total", "published"),
    [
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ],
)
def test_the_interval_agrees_with_newcombe_1998(
    passed: int, total: int, published: tuple[float, float]
) -> None:
    """R. G. Newcombe, Statistics in Medicine 17 (1998), pages 857-872, table I, score method."""
    low, high = wilson_interval(passed, total)

    assert (round(low, 4), round(high, 4)) == published


def test_without_items_nothing_is_known() -> None:
    assert wilson_interval(0, 0) == Interval(0.0, 1.0)


@pytest.mark.parametrize(("passed", "total"), [(-1, 3), (4, 3), (0, -1)])
def test_impossible_counts_are_refused(passed: int, total: int) -> None:
    with pytest.raises(ValueError, match="passed must lie between"):
        wilson_interval(passed, total)


@pytest.mark.parametrize(
    ("new", "old", "published"),
    [
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((10, 10), (0, 20), (0.6791, 1.0)),
        ((0, 10), (0, 20), (-0.1611, 0.2775)),
    ],
)
def test_the_interval_of_a_difference_agrees_with_newcombe_1998(
    new: tuple[int, int], old: tuple[int, int], published: tuple[float, float]
) -> None:
    """R. G. Newcombe, Statistics in Medicine 17 (1998), pages 873-890, table II, method 10."""
    found = difference_interval(*new, *old)

    assert (round(found.low, 4), round(found.high, 4)) == published


@given(COUNTS, COUNTS)
def test_the_interval_of_a_difference_holds_it_and_turns_with_its_sides(
    new: tuple[int, int], old: tuple[int, int]
) -> None:
    found, turned = difference_interval(*new, *old), difference_interval(*old, *new)

    assert -1 - 1e-12 <= found.low <= found.value <= found.high <= 1 + 1e-12
    assert isclose(found.low, -turned.high, abs_tol=1e-12)


def test_a_difference_needs_items_on_both_sides() -> None:
    with pytest.raises(ValueError, match="both sides"):
        difference_interval(1, 1, 0, 0)
