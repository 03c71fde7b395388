"""What the demo makes of the API's objects before it draws them."""

from dataclasses import replace

import pytest
from openai.types.evals import RunRetrieveResponse

from demo.readings import criterion_name, seconds_taken
from demo.screen import CancelSeen, marked, share

KEPT = CancelSeen(
    status="canceled",
    answered_after=0.01,
    calls_aborted=4,
    rows=40,
    counted=14,
    listed=14,
    busy_before=4,
    slots=4,
    idle_after=0.1,
    busy_later=0,
    counted_later=14,
)


def test_the_name_of_a_criterion_is_its_id_without_the_uuid() -> None:
    criterion_id = "order-number 2-123e4567-e89b-42d3-a456-426614174000"

    assert criterion_name(criterion_id) == "order-number 2"


def test_only_the_lines_that_differ_are_red() -> None:
    shown = marked("order: B-10477\nwants: refund\nPS", "order: A-20533\nwants: refund")

    assert shown.plain == "order: B-10477\nwants: refund\nPS"
    assert [shown.plain[span.start : span.end] for span in shown.spans if span.style == "red"] == [
        "order: B-10477",
        "PS",
    ]


def test_a_share_of_nothing_is_nothing() -> None:
    assert share(0, 0)[0] == "  0%"


def test_the_time_of_a_run_is_the_servers_where_it_tells_it() -> None:
    told = RunRetrieveResponse.construct(evald={"started_at": 10.5, "finished_at": 12.0})

    assert seconds_taken(told) == 1.5
    assert seconds_taken(RunRetrieveResponse.construct()) is None
    assert seconds_taken(RunRetrieveResponse.construct(evald={"started_at": None})) is None


@pytest.mark.parametrize(
    "broken",
    [
        replace(KEPT, status="completed"),
        replace(KEPT, idle_after=None),
        replace(KEPT, busy_later=1),
        replace(KEPT, listed=15),
        replace(KEPT, counted_later=15),
        replace(KEPT, counted=40, listed=40, counted_later=40),
    ],
)
def test_a_cancel_that_breaks_any_part_of_its_promise_is_seen(broken: CancelSeen) -> None:
    assert KEPT.kept_its_promise()
    assert not broken.kept_its_promise()
