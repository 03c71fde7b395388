"""Numbers counted by two digits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.rules.bins import Bins, bin_of, bins_of


@pytest.mark.parametrize(
    ("value", "rounded"),
    [(1234, 1200.0), (0.5, 0.5), (-0.0123, -0.012), (0, 0.0), (1e-12, 0.0), (1e300, 1e15)],
)
def test_a_number_is_rounded_to_two_digits(value: float, rounded: float) -> None:
    assert bin_of(value) == rounded


def test_of_nothing_there_is_no_mean_and_no_quantile() -> None:
    assert (Bins().total, Bins().mean, Bins().quantile(0.5)) == (0, None, None)


@given(st.lists(st.floats(0.001, 1e6), min_size=1), st.floats(0, 1))
def test_a_quantile_is_the_rounded_number_that_so_many_do_not_exceed(
    values: list[float], share: float
) -> None:
    bins = bins_of(values)
    found = bins.quantile(share)

    assert found is not None
    rounded = [bin_of(value) for value in values]
    assert sum(value <= found for value in rounded) >= share * len(values)
    assert bins.total == len(values)
    assert bins.between(None, found) + sum(value > found for value in rounded) == len(values)
