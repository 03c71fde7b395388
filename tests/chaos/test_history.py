"""The history checker refuses what cannot be, and takes what can."""

import pytest

from chaos.history import Counts, Resumed, Seen, late_calls, lost, wrongs
from tests.model_server.ledger import CallRecord

NONE: Counts = (0, 0, 0, 0)


def seen(asked_at: float, status: str, counts: Counts = NONE, answered_at: float = 0) -> Seen:
    return Seen("run_1", asked_at, answered_at or asked_at + 0.5, status, counts)


GOOD = [
    seen(1, "queued"),
    seen(2, "in_progress"),
    seen(3, "in_progress", (4, 2, 1, 1)),
    seen(4, "in_progress", (4, 2, 1, 1)),
    seen(5, "canceled", (6, 4, 1, 1)),
    seen(6, "canceled", (6, 4, 1, 1)),
]


def test_a_history_that_can_be_has_no_wrongs() -> None:
    assert wrongs(GOOD) == []


@pytest.mark.parametrize(
    ("past", "now"),
    [
        ("in_progress", "queued"),
        ("completed", "in_progress"),
        ("canceled", "in_progress"),
        ("canceled", "completed"),
        ("failed", "queued"),
        ("completed", "canceled"),
    ],
)
def test_a_status_that_went_back_or_out_of_a_final_one_is_wrong(past: str, now: str) -> None:
    assert len(wrongs([seen(1, past), seen(2, now)])) == 1


def test_a_status_that_went_back_is_seen_also_when_it_came_forth_again() -> None:
    again = [seen(1, "in_progress"), seen(2, "queued"), seen(3, "in_progress")]

    assert len(wrongs(again)) == 1


@pytest.mark.parametrize("less", [(3, 2, 1, 0), (4, 1, 2, 1), (4, 3, 0, 1)])
def test_a_count_that_went_down_is_wrong(less: Counts) -> None:
    assert len(wrongs([seen(1, "in_progress", (4, 2, 1, 1)), seen(2, "in_progress", less)])) == 1


@pytest.mark.parametrize("status", ["canceled", "completed", "failed"])
def test_a_count_that_changes_after_the_end_is_wrong(status: str) -> None:
    later = [seen(1, status, (4, 2, 1, 1)), seen(2, status, (5, 3, 1, 1))]

    assert len(wrongs(later)) == 1


def test_a_total_that_is_not_the_sum_is_wrong() -> None:
    assert len(wrongs([seen(1, "in_progress", (4, 2, 1, 0))])) == 1


def test_answers_that_overlap_may_have_been_made_in_either_order() -> None:
    fast = seen(2, "canceled", (1, 1, 0, 0), answered_at=2.1)
    slow = seen(1, "in_progress", NONE, answered_at=3)

    assert wrongs([fast, slow]) == []
    assert len(wrongs([fast, slow, seen(2.5, "in_progress")])) == 2


def test_what_two_overlapping_answers_said_both_holds_from_then_on() -> None:
    overlapping = [
        seen(1, "in_progress", (5, 5, 0, 0), answered_at=2),
        seen(1.5, "queued", answered_at=3),
    ]

    assert wrongs([*overlapping, seen(4, "queued")]) != []
    assert wrongs([*overlapping, seen(4, "in_progress", (4, 4, 0, 0))]) != []
    assert wrongs([*overlapping, seen(4, "in_progress", (5, 5, 0, 0))]) == []


def test_runs_are_held_against_themselves_alone() -> None:
    other = Seen("run_2", 10, 11, "queued", NONE)

    assert wrongs([*GOOD, other]) == []


def test_a_resume_begins_anew_and_what_overlaps_it_is_on_either_side() -> None:
    resumed = Resumed("run_1", 7, 8)
    after = [seen(8, "queued", NONE), seen(9, "in_progress"), seen(10, "completed")]

    assert wrongs([*GOOD, *after], [resumed]) == []
    assert wrongs([*GOOD, seen(7.2, "queued", answered_at=7.6), *after], [resumed]) == []
    assert wrongs([*GOOD, *after]) != []
    assert wrongs([*GOOD, seen(6.7, "in_progress", answered_at=6.9), *after], [resumed]) != []


def call(began_at: float, message: str = "run-1 row 3") -> CallRecord:
    return CallRecord(message, "worker-1", began_at)


def test_a_call_after_the_bound_is_late_and_one_before_it_is_not() -> None:
    canceled_at = {"run-1": 5.0}

    assert late_calls([call(4), call(5.09), call(9, "run-2 row 3")], canceled_at, 0.1) == []
    assert late_calls([call(5.11)], canceled_at, 0.1) == [
        "'run-1 row 3' of worker-1 began 110 ms after the cancel"
    ]


def test_what_was_acknowledged_must_be_there() -> None:
    assert lost(["run_1", "run_2"], {"run_1", "run_2", "run_3"}) == []
    assert lost(["run_1", "run_2"], {"run_1"}) == ["run_2 was acknowledged and is gone"]
