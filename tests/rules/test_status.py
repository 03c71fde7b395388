"""The moves of a run's status: every order of events ends where the table says."""

from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.contract.runs import STATUSES, Status
from evald.rules.status import FINAL, NEXT, REOPENING, Event, is_final, sources, target
from tests.rules.moves import after

EVENTS: tuple[Event, ...] = get_args(Event)
DECIDING = [event for event in EVENTS if event not in REOPENING]
"""The events of a run that nobody asks to go on."""


def moved(status: Status, event: Event) -> Status:
    """Give the status after an event as the store works it out: to the target, from the sources."""
    return target(event) if status in sources(event) else status


def end_of(events: list[Event]) -> Status:
    """Give the status that a queued run has after these events, said without the table."""
    status: Status = "queued"
    for event in events:
        if event == "cancel":
            return "canceled"
        if event == "fail":
            return "failed"
        if event == "complete" and status == "in_progress":
            return "completed"
        if event == "start":
            status = "in_progress"
    return status


@given(st.lists(st.sampled_from(DECIDING)))
def test_any_order_of_events_ends_as_the_first_deciding_event_says(events: list[Event]) -> None:
    status: Status = "queued"

    for event in events:
        status = moved(status, event)

    assert status == end_of(events)


def test_exactly_completed_failed_and_canceled_are_final() -> None:
    assert {"completed", "failed", "canceled"} == FINAL
    assert [status for status in STATUSES if is_final(status)] == [
        "completed",
        "failed",
        "canceled",
    ]


@pytest.mark.parametrize(("status", "event"), list(product(sorted(FINAL), DECIDING)))
def test_a_final_status_never_moves_by_itself(status: Status, event: Event) -> None:
    assert moved(status, event) == status


@pytest.mark.parametrize("event", sorted(REOPENING))
def test_what_has_not_ended_cannot_be_reopened(event: Event) -> None:
    assert (moved("queued", event), moved("in_progress", event)) == ("queued", "in_progress")


def test_a_resume_does_not_touch_a_completed_run_but_a_retry_does() -> None:
    assert (moved("completed", "resume"), moved("completed", "retry")) == ("completed", "queued")


@given(st.lists(st.sampled_from(EVENTS)))
def test_a_reopened_run_needs_a_start_before_it_completes(events: list[Event]) -> None:
    status: Status = "queued"

    for event in events:
        before, status = status, moved(status, event)
        assert status != "completed" or before in ("in_progress", "completed")


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_has_exactly_one_target(event: Event) -> None:
    assert {status for (_, known), status in NEXT.items() if known == event} == {target(event)}


@pytest.mark.parametrize(("status", "event"), list(product(STATUSES, EVENTS)))
def test_every_event_moves_a_run_as_it_is_written_down(status: Status, event: Event) -> None:
    assert moved(status, event) == after(status, event)


def test_a_queued_run_does_not_complete_without_a_start() -> None:
    assert moved("queued", "complete") == "queued"


def test_a_second_start_changes_nothing() -> None:
    assert moved(moved("queued", "start"), "start") == "in_progress"
