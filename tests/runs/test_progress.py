"""What one sees of a run while it goes on."""

from itertools import chain
from typing import Any

from tests.model_server.client import ModelServer
from tests.model_server.script import Rule, Step
from tests.runs.invariants import check
from tests.runs.making import (
    FINAL,
    asked,
    create_eval,
    create_run,
    get_final,
    get_run,
    get_saved,
    given,
    items_of,
    path_of,
    rows,
    sampled,
    upload,
)
from tests.server import EvaldServer

PLACES = 64
HELD = Step(hold="before")


def test_items_appear_and_counts_grow_with_the_rows_that_are_finished(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(hold="before"))
    run = create_run(server, create_eval(server), sampled(rows(100)))
    assert (run["status"], run["result_counts"]["total"]) == ("queued", 0)
    models.wait(held=PLACES)

    for saved in (1, 2, 10, 50, 99):
        models.release(saved - models.stats().finished)
        now = get_saved(server, run, saved)
        assert (now["status"], now["result_counts"]["total"]) == ("in_progress", saved)
        check(server, run["eval_id"], run["id"])

    models.release()
    assert get_final(server, run)["status"] == "completed"
    check(server, run["eval_id"], run["id"])


def test_the_order_of_the_list_stays_as_it_is_while_items_are_added(
    server: EvaldServer, models: ModelServer
) -> None:
    # Row 0 and its like are slow, so that items are not saved in the order of the rows.
    models.script_rules(Rule([Step(hold="before", delay_ms=20)], contains="0"), Rule([HELD]))
    run = create_run(server, create_eval(server), sampled(rows(200)))
    models.wait(held=PLACES)
    models.release(20)
    seen: list[Any] = []
    after, more, status = "", True, ""

    while more or status not in FINAL:
        models.release(11)
        status = get_run(server, run)["status"]
        page = asked(server, "GET", f"{path_of(run)}/output_items?limit=7{after}")
        seen += page["data"]
        after, more = f"&after={seen[-1]['id']}" if seen else "", page["has_more"]

    assert (status, len(seen)) == ("completed", 200)
    assert seen == items_of(server, run)
    assert seen != sorted(seen, key=lambda item: item["datasource_item_id"])
    assert seen == list(chain(reversed(items_of(server, run, "limit=1000&order=desc"))))


def test_row_numbers_are_dense_from_zero_in_the_order_of_the_rows(
    server: EvaldServer, models: ModelServer
) -> None:
    content = rows(600, first=5000)
    run = create_run(server, create_eval(server), sampled(content))
    get_final(server, run)

    items = items_of(server, run, "limit=100&order_by=datasource_item_id")

    assert [item["datasource_item_id"] for item in items] == list(range(600))
    assert [item["datasource_item"] for item in items] == [each["item"] for each in content]


def test_a_poller_sees_only_moments_that_fit_together(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(delay_ms=3))
    run = create_run(server, create_eval(server), sampled(rows(1500)))
    moments = [get_run(server, run)]

    while moments[-1]["status"] not in FINAL:
        moments.append(get_run(server, run))

    totals = [moment["result_counts"]["total"] for moment in moments]
    assert totals == sorted(totals)
    for moment in moments:
        assert_sums_fit(moment)
    assert (moments[-1]["status"], totals[-1]) == ("completed", 1500)


def assert_sums_fit(run: Any) -> None:
    """The numbers of one answer are of one moment."""
    counts = run["result_counts"]
    assert counts["total"] == counts["passed"] + counts["failed"] + counts["errored"]
    for criterion in run["per_testing_criteria_results"] or []:
        assert criterion["passed"] + criterion["failed"] == counts["total"]
    for usage in run["per_model_usage"] or []:
        assert usage["invocation_count"] == counts["total"]


def test_twenty_thousand_rows_are_graded_while_the_server_answers_others(
    server: EvaldServer, models: ModelServer
) -> None:
    content = [
        {**each, "sample": {"output_text": each["item"]["question"]}} for each in rows(20_000)
    ]
    run = create_run(server, create_eval(server), given(upload(server, content)))
    answered_between = 0

    while get_run(server, run)["status"] not in FINAL:
        assert server.ask("GET", "/healthz").status == 200
        answered_between += 1

    final, _ = check(server, run["eval_id"], run["id"])
    assert answered_between > 0
    assert final["status"] == "completed"
    assert final["result_counts"] == {
        "total": 20_000,
        "errored": 0,
        "failed": 6_667,
        "passed": 13_333,
    }
    assert models.stats().started == 0
