"""Numbers, times and bars as the pages show them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.dashboard import figures
from evald.dashboard.bars import BAR_WIDTH, Counts, Segment, segments

FINITE = st.floats(-1, 1) | st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.0, "0.0"), (0.00001, "0.1"), (0.8719, "87.2"), (0.99999, "99.9"), (1.0, "100.0")],
)
def test_only_all_is_100_percent_and_only_none_is_0(share: float, shown: str) -> None:
    assert figures.percent(share) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0, "0 s"),
        (0.82, "0.82 s"),
        (12.4, "12 s"),
        (59.7, "1 min"),
        (150, "2 min 30 s"),
        (11_100, "3 h 5 min"),
    ],
)
def test_a_duration_has_two_units_at_most(seconds: float, shown: str) -> None:
    assert figures.duration(seconds) == shown


@pytest.mark.parametrize(
    ("items_per_second", "shown"), [(0.012, "< 0.1"), (0.83, "0.8"), (252.6, "253")]
)
def test_a_slow_speed_is_not_rounded_to_nothing(items_per_second: float, shown: str) -> None:
    assert figures.rate(items_per_second) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1.0, "1"), (0.857, "0.86"), (0.5, "0.5"), (-0.001, "0"), (None, "–"), (1e400, "–")],
)
def test_a_score_has_two_decimals_at_most(value: float | None, shown: str) -> None:
    assert figures.score(value) == shown


@pytest.mark.parametrize(
    ("value", "threshold", "shown"),
    [
        (0.499, 0.5, "0.499"),
        (0.50000001, 0.5, "0.5"),
        (0.994999, 0.995, "0.99"),
        (0.994, 0.9951, "0.99"),
        (-0.001, 0.0, "-0.001"),
        (5e-324, 1.0, "0"),
    ],
)
def test_a_score_has_the_decimals_that_put_it_on_its_side_of_the_threshold(
    value: float, threshold: float, shown: str
) -> None:
    assert figures.score(value, threshold) == shown


@given(FINITE, FINITE)
def test_a_score_and_its_threshold_compare_as_the_verdict_does(
    value: float, threshold: float
) -> None:
    shown, limit = figures.score(value, threshold), figures.exact(threshold)

    assert (float(shown) >= float(limit)) == (value >= threshold)
    assert "-0" not in (shown, limit)


@pytest.mark.parametrize(
    ("value", "shown"), [(0.9951, "0.9951"), (1.0, "1"), (-0.0, "0"), (1 / 3, repr(1 / 3))]
)
def test_a_threshold_has_all_its_decimals(value: float, shown: str) -> None:
    assert figures.exact(value) == shown


def test_a_bar_shows_each_part_in_its_share() -> None:
    assert segments(Counts(passed=50, failed=25, errored=0), total=100) == (
        Segment("pass", 0.0, 500.0),
        Segment("fail", 500.0, 250.0),
    )


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_bar_never_overflows_and_never_hides_a_part(
    passed: int, failed: int, errored: int, missing: int
) -> None:
    counts = Counts(passed, failed, errored)

    parts = segments(counts, counts.done + missing)

    assert len(parts) == sum(count > 0 for count in (passed, failed, errored))
    assert all(part.width >= 3 for part in parts)
    assert all(part.start + part.width <= BAR_WIDTH + 0.11 for part in parts)
