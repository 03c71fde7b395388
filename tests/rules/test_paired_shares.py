"""McNemar's test and the score interval of a difference: their equations, bounds, and known figures."""

from fractions import Fraction
from math import comb, isclose, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.rules.paired_shares import (
    Pairs,
    adjusted,
    detectable_difference,
    mcnemar,
    paired_interval,
)
from evald.rules.statistics import Z_95, Interval

FEW = st.builds(Pairs, *[st.integers(0, 60)] * 4).filter(lambda pairs: pairs.judged > 0)
MANY = st.builds(Pairs, *[st.integers(0, 500_000)] * 4).filter(lambda pairs: pairs.judged > 0)


def turned(pairs: Pairs) -> Pairs:
    """Give the same rows with the runs the other way round."""
    return Pairs(pairs.both_passed, pairs.fixed, pairs.regressed, pairs.both_failed)


@given(FEW)
def test_the_p_value_is_the_binomial_sum_with_the_split_itself_counted_half(pairs: Pairs) -> None:
    n, smaller = pairs.differing, min(pairs.regressed, pairs.fixed)
    below = sum(Fraction(comb(n, k), 2**n) for k in range(smaller))

    expected = min(Fraction(1), 2 * below + Fraction(comb(n, smaller), 2**n))

    assert isclose(mcnemar(pairs), expected, rel_tol=1e-9)


@given(MANY)
def test_which_run_comes_first_only_turns_the_signs(pairs: Pairs) -> None:
    interval, other = paired_interval(pairs), paired_interval(turned(pairs))

    assert mcnemar(pairs) == mcnemar(turned(pairs))
    assert isclose(interval.low, -other.high, abs_tol=1e-9)
    assert isclose(interval.high, -other.low, abs_tol=1e-9)


@given(MANY)
def test_the_interval_holds_the_measured_difference_and_stays_within_its_limits(
    pairs: Pairs,
) -> None:
    low, high = paired_interval(pairs)

    assert -1 <= low <= pairs.difference <= high <= 1
    assert low < high


@given(MANY.filter(lambda pairs: pairs.differing > 0))
def test_the_interval_leaves_out_no_difference_just_when_the_score_test_rejects_it(
    pairs: Pairs,
) -> None:
    """At a difference of 0 the score is (fixed - regressed) / sqrt(fixed + regressed)."""
    score = abs(pairs.fixed - pairs.regressed) / sqrt(pairs.differing)
    low, high = paired_interval(pairs)

    if abs(score - Z_95) > 1e-6:
        assert (low > 0 or high < 0) == (score > Z_95)


@pytest.mark.parametrize(
    ("regressed", "fixed", "p_value"),
    [
        # Fagerland, Lydersen and Laake 2013, table 1: 0.039, and 0.070 without halving the split.
        (7, 1, 0.0390625),
        # scipy 1.17, 2 * binom.cdf(k, n, 0.5) - binom.pmf(k, n, 0.5).
        (16, 6, 0.03468966484069824),
        (25, 2, 3.0323863029479947e-06),
        (371, 300, 0.006123362907806937),
        (30_500, 30_000, 0.042074649425337805),
        (6, 0, 0.015625),
        (5, 5, 1.0),
        (0, 0, 1.0),
    ],
)
def test_the_p_value_agrees_with_known_figures(regressed: int, fixed: int, p_value: float) -> None:
    assert isclose(mcnemar(Pairs(9, regressed, fixed, 4)), p_value, rel_tol=1e-8)


@pytest.mark.parametrize(
    ("judged", "fixed", "regressed", "bounds"),
    [
        # Tango's score, its nuisance share found by scipy 1.17's minimize_scalar, its roots by brentq.
        (21, 1, 7, (-0.51723, -0.02600)),
        (161, 6, 16, (-0.12402, -0.00543)),
        (160, 40, 20, (0.03086, 0.21806)),
        (50, 12, 2, (0.06111, 0.34471)),
        (1000, 70, 46, (0.00293, 0.04556)),
        (10, 10, 0, (0.44493, 1.0)),
        # Without a row that differs: z * z / (n + z * z) to both sides.
        (20, 0, 0, (-0.16113, 0.16113)),
    ],
)
def test_the_interval_agrees_with_known_figures(
    judged: int, fixed: int, regressed: int, bounds: tuple[float, float]
) -> None:
    low, high = paired_interval(Pairs(judged - fixed - regressed, regressed, fixed, 0))

    assert (round(low, 5), round(high, 5)) == bounds


def test_without_rows_that_both_judged_nothing_is_known() -> None:
    assert paired_interval(Pairs()) == Interval(-1.0, 1.0)
    assert mcnemar(Pairs()) == 1.0


@given(MANY.filter(lambda pairs: pairs.differing > 0))
def test_a_difference_that_can_be_detected_is_larger_than_one_that_is_just_significant(
    pairs: Pairs,
) -> None:
    just_significant = Z_95 * sqrt(pairs.differing) / pairs.judged

    assert detectable_difference(pairs) > just_significant


def test_p_values_of_several_tests_are_adjusted_by_holm() -> None:
    """scipy has no Holm; statsmodels 0.15: multipletests([...], method='holm')."""
    assert adjusted([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert adjusted([0.04]) == [0.04]
    assert adjusted([0.5, 0.9]) == [1.0, 1.0]
