"""Kleene's AND over the criteria of a row, and the share of errors that a run bears."""

from itertools import permutations, product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.rules.verdict import ITEM_STATUSES, ItemStatus, Outcome, item_status, too_many_errors

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
STATUS_OF: dict[Outcome, ItemStatus] = {"passed": "pass", "failed": "fail", "errored": "error"}


def kleene_and(one: ItemStatus, other: ItemStatus) -> ItemStatus:
    """Give the AND of two truth values, of which `error` is the unknown one."""
    order: tuple[ItemStatus, ...] = ("fail", "error", "pass")
    return min(one, other, key=order.index)


@given(st.lists(st.sampled_from(OUTCOMES)))
def test_a_verdict_is_kleenes_and_over_the_outcomes(outcomes: list[Outcome]) -> None:
    expected: ItemStatus = "pass"
    for outcome in outcomes:
        expected = kleene_and(expected, STATUS_OF[outcome])

    assert item_status(outcomes) == expected


@pytest.mark.parametrize("outcomes", list(product(OUTCOMES, repeat=3)))
def test_the_order_of_the_criteria_changes_no_verdict(outcomes: tuple[Outcome, ...]) -> None:
    assert {item_status(order) for order in permutations(outcomes)} == {item_status(outcomes)}


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ([], "pass"),
        (["passed", "passed"], "pass"),
        (["passed", "errored"], "error"),
        (["errored", "failed"], "fail"),
        (["errored", "errored"], "error"),
    ],
)
def test_one_failure_settles_a_row_and_an_error_never_passes_it(
    outcomes: list[Outcome], status: ItemStatus
) -> None:
    assert item_status(outcomes) == status
    assert status in ITEM_STATUSES


@pytest.mark.parametrize(
    ("errored", "total", "rate", "too_many"),
    [
        (10, 10, 1.0, False),
        (3, 10, 0.3, False),
        (4, 10, 0.3, True),
        (1, 3, 1 / 3, False),
        (1, 1_000_000, 0.0, True),
        (0, 10, 0.0, False),
        (0, 0, 0.0, False),
    ],
)
def test_a_run_fails_only_beyond_its_error_rate(
    errored: int, total: int, rate: float, too_many: bool
) -> None:
    assert too_many_errors(errored, total, rate) == too_many
