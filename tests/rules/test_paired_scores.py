"""The paired bootstrap of mean scores: what it always gives, and figures of another program."""

from math import isclose

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evald.rules import paired_scores
from evald.rules.paired_scores import FEWEST_ROWS, MOST_RESAMPLED, MeanDifference, mean_difference

DIFFERENCES = st.lists(
    st.integers(-100, 100).map(lambda cents: cents / 100), min_size=1, max_size=80
)


@settings(max_examples=20)
@given(DIFFERENCES)
def test_the_interval_holds_the_mean_and_lies_within_the_differences(
    differences: list[float],
) -> None:
    found = mean_difference(differences)

    assert found is not None
    if found.interval is not None:
        low, high = found.interval
        assert low - 1e-9 <= found.value <= high + 1e-9
        assert min(differences) - 1e-9 <= low
        assert high <= max(differences) + 1e-9


@settings(max_examples=10)
@given(DIFFERENCES)
def test_the_same_scores_give_the_same_interval_in_whatever_order_they_come(
    differences: list[float],
) -> None:
    assert mean_difference(differences) == mean_difference(differences[::-1])


def test_the_interval_agrees_with_scipy() -> None:
    """scipy 1.17, bootstrap(..., method='percentile') with 200,000 resamples: 0.0219 to 0.2312."""
    found = mean_difference([0.3] * 4 + [-0.1] * 5 + [0.0] * 20 + [1.0] * 3)

    assert found is not None
    assert found.interval is not None
    assert found.method == "bootstrap"
    assert found.interval == pytest.approx((0.0219, 0.2312), abs=0.008)


def test_with_many_rows_the_limit_agrees_with_scipy() -> None:
    """scipy 1.17 with 100,000 resamples: 0.029492 to 0.058008."""
    found = mean_difference([0.0] * 2400 + [1.0] * 90 + [-0.5] * 60 + [5.0] * 10)

    assert found is not None
    assert found.interval is not None
    assert found.method == "bootstrap_limit"
    assert found.interval == pytest.approx((0.029492, 0.058008), abs=0.0004)


def test_resampling_and_its_limit_meet_where_one_follows_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    differences = [0.0] * (MOST_RESAMPLED - 300) + [1.0] * 150 + [-1.0] * 50 + [0.25] * 100
    resampled = mean_difference(differences)
    monkeypatch.setattr(paired_scores, "MOST_RESAMPLED", 0)
    limit = mean_difference(differences)

    assert resampled is not None
    assert resampled.interval is not None
    assert limit is not None
    assert limit.interval is not None
    width = limit.interval.high - limit.interval.low
    assert isclose(resampled.interval.low, limit.interval.low, abs_tol=width / 20)
    assert isclose(resampled.interval.high, limit.interval.high, abs_tol=width / 20)


def test_few_rows_have_a_mean_and_no_interval() -> None:
    assert mean_difference([0.5] * (FEWEST_ROWS - 1)) == MeanDifference(9, 0.5, None, None)
    assert mean_difference([]) is None


def test_many_rows_without_a_difference_have_none() -> None:
    found = mean_difference([0.0] * 10_000)

    assert found is not None
    assert found.interval == (0.0, 0.0)
