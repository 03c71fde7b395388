"""Judges in runs: every fault of theirs is an error with a reason, and never a score."""

from typing import Any

import pytest

from tests.model_server.client import ModelServer
from tests.model_server.script import Rule, Step
from tests.runs.canceling import cancel_and_check
from tests.runs.conftest import StartServer
from tests.runs.invariants import check
from tests.runs.judge_faults import (
    A_SCORE,
    LABEL,
    NO_LABEL,
    NO_SCORE,
    NOT_GIVEN,
    SCORE,
    UNREADABLE,
    UPSTREAM,
    Case,
    hasty,
    said,
    script_cases,
    text,
)
from tests.runs.making import (
    EXACT,
    asked,
    create_eval,
    create_run,
    get_final,
    given,
    rows,
    sampled,
)
from tests.server import EvaldServer


@pytest.mark.parametrize(
    ("criterion", "cases"),
    [
        (SCORE, UPSTREAM | NOT_GIVEN | UNREADABLE | NO_SCORE | A_SCORE),
        (LABEL, NOT_GIVEN | UNREADABLE | NO_LABEL),
    ],
    ids=["score_model", "label_model"],
)
def test_what_is_no_verdict_is_an_error_and_what_is_one_counts(
    server_with: StartServer, models: ModelServer, criterion: Any, cases: dict[str, Case]
) -> None:
    server = server_with(hasty(models))
    script_cases(models, cases)
    questions: list[Any] = [{"item": {"question": f"<{name}>"}} for name in cases]
    run = create_run(server, create_eval(server, criterion), given(questions))

    assert get_final(server, run)["status"] == "completed"

    run, items = check(server, run["eval_id"], run["id"])
    codes = {item["datasource_item"]["question"][1:-1]: code_of(item) for item in items}
    assert codes == {name: code for name, (_, code) in cases.items()}
    errored = sum(code is not None for code in codes.values())
    counts = {"total": len(cases), "errored": errored, "failed": 0}
    assert run["result_counts"] == {**counts, "passed": len(cases) - errored}
    for item in items:
        if code_of(item):
            (result,) = item["results"]
            assert (item["status"], result["passed"], result["score"]) == ("error", False, 0)
            assert "label" not in result


def code_of(item: Any) -> str | None:
    """Give the code of the error of an item's only result."""
    (result,) = item["results"]
    code: str | None = result["error"]["code"] if "error" in result else None
    return code


def test_there_are_more_than_thirty_faults_of_judges_in_the_tables() -> None:
    tables = (UPSTREAM, NOT_GIVEN, UNREADABLE, NO_SCORE, NO_LABEL)

    assert sum(code is not None for cases in tables for _, code in cases.values()) > 50


def test_the_judges_of_one_row_are_asked_at_the_same_time(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(text(said("good"), hold="before"))
    run = create_run(server, create_eval(server, *[LABEL] * 3), given(rows(1)))

    models.wait(held=3)
    models.release()

    assert get_final(server, run)["result_counts"]["passed"] == 1


def test_rows_that_are_only_judged_are_judged_many_at_a_time(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(text(said(1), hold="before"))
    run = create_run(server, create_eval(server, SCORE), given(rows(70)))

    models.wait(held=64)
    models.release()

    assert get_final(server, run)["result_counts"]["passed"] == 70


@pytest.mark.parametrize("hold", ["before", "within"])
def test_a_run_is_canceled_while_its_judges_are_at_work(
    server: EvaldServer, models: ModelServer, hold: Any
) -> None:
    models.script_rules(Rule([text(said(1), hold=hold)], model="judge"))
    run = create_run(server, create_eval(server, SCORE, EXACT, SCORE), sampled(rows(40)))
    models.wait(held=64)

    canceled, items = cancel_and_check(server, models, run)

    assert (canceled["evald"]["calls_aborted"], items) == (64, [])
    assert canceled["per_model_usage"] is None


def test_the_tokens_of_judges_are_told_apart_and_added_up(
    server: EvaldServer, models: ModelServer
) -> None:
    again = Rule([text(said(1))], contains="That cannot be read")
    models.script_rules(
        again,
        Rule([text("no form")], model="judge", contains="row 1"),
        Rule([text(said(1), answers_as="scripted")], model="other judge"),
        Rule([text(said(1))], model="judge"),
    )
    other = {**SCORE, "model": "other judge"}
    run = create_run(server, create_eval(server, SCORE, other, EXACT), sampled(rows(3)))
    get_final(server, run)

    run, items = check(server, run["eval_id"], run["id"])

    usage = run["evald"]["usage"]
    assert calls_of(usage["sampling"]) == {"scripted": 3}
    assert calls_of(usage["judging"]) == {"judge": 4, "scripted": 3}
    assert calls_of(run["per_model_usage"]) == {"judge": 4, "scripted": 6}
    (repaired,) = [item for item in items if item["datasource_item_id"] == 1]
    assert calls_of(repaired["evald"]["judge_usage"]) == {"judge": 2, "scripted": 1}


def calls_of(usage: Any) -> dict[str, int]:
    """Give the number of calls of each model."""
    return {use["model_name"]: use["invocation_count"] for use in usage}


def test_a_row_without_a_sample_is_not_judged(server: EvaldServer, models: ModelServer) -> None:
    models.script_rules(Rule([Step(status=400, message="no")], model="scripted"))
    run = create_run(server, create_eval(server, SCORE), sampled(rows(2)))

    assert get_final(server, run)["result_counts"]["errored"] == 2

    assert models.stats().started == 2
    _, items = check(server, run["eval_id"], run["id"])
    assert {code_of(item) for item in items} == {"no_sample"}


BOTH = {
    "type": "multi",
    "name": "both",
    "graders": {"quality": SCORE, "mood": {**LABEL, "model": "other judge"}},
    "calculate_output": "(quality + mood) / 2",
    "pass_threshold": 0.75,
}


def test_judges_in_a_formula_are_asked_at_once_scored_and_counted(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script_rules(
        Rule([text("still no form")], contains="That cannot be read"),
        Rule([text("no form")], model="other judge", contains="row 1"),
        Rule([text(said(0.5), hold="before")], model="judge"),
        Rule([text(said("good"), hold="before", answers_as="other")], model="other judge"),
    )
    run = create_run(server, create_eval(server, BOTH), given(rows(3)))
    models.wait(held=5)
    models.release()
    assert get_final(server, run)["status"] == "completed"

    run, items = check(server, run["eval_id"], run["id"])

    right, broken, _ = sorted(items, key=lambda item: int(item["datasource_item_id"]))
    assert (right["status"], right["results"][0]["score"]) == ("pass", 0.75)
    assert (broken["status"], code_of(broken)) == ("error", "part_failed")
    parts = broken["results"][0]["sub_results"]
    assert parts["mood"]["error"]["code"] == "judge_unparseable"
    assert (parts["quality"]["score"], "error" in parts["quality"]) == (0.5, False)
    assert run["result_counts"] == {"total": 3, "passed": 2, "failed": 0, "errored": 1}
    calls = calls_of(run["evald"]["usage"]["judging"])
    assert calls == {"judge": 3, "other judge": 2, "other": 2}  # the one that broke, once more


def test_a_run_is_canceled_while_the_judges_of_a_formula_are_at_work(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(text(said(1), hold="before"))
    run = create_run(server, create_eval(server, BOTH), given(rows(20)))
    models.wait(held=40)

    canceled, items = cancel_and_check(server, models, run)

    assert (canceled["evald"]["calls_aborted"], items) == (40, [])


@pytest.mark.parametrize(
    ("served", "criterion", "place"),
    [("scripted", SCORE, "model"), ("judge", BOTH, "graders.mood.model")],
    ids=["a criterion", "a part of a formula"],
)
def test_a_judge_that_no_provider_serves_is_refused_by_its_place_when_a_run_is_made(
    server_with: StartServer, models: ModelServer, served: str, criterion: Any, place: str
) -> None:
    server = server_with(f'[providers.p]\nbase_url = "{models.url}"\nmodels = ["{served}"]\n')
    eval_id = create_eval(server, EXACT, criterion)

    answer = server.ask("POST", f"/v1/evals/{eval_id}/runs", {"data_source": given(rows(1))})

    error = answer.json["error"]
    assert (answer.status, error["param"]) == (400, f"testing_criteria[1].{place}")
    assert error["code"] == "model_not_found"
    assert asked(server, "GET", f"/v1/evals/{eval_id}/runs")["data"] == []


def test_an_endpoint_that_cannot_hold_to_a_schema_still_judges(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(text(said(1), refuse=["response_format"]))
    run = create_run(server, create_eval(server, SCORE), given(rows(5)))

    assert get_final(server, run)["result_counts"]["passed"] == 5

    bodies = [request.body for request in models.requests()]
    assert "response_format" not in bodies[-1]
    assert "JSON" in bodies[-1]["messages"][-1]["content"]


def test_an_image_of_a_judge_is_passed_on_and_never_fetched(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(text(said(1)))
    address = f"{models.url}/picture.png"
    picture = {"type": "input_image", "image_url": "{{ item.picture }}"}
    criterion = {**SCORE, "input": [{"role": "user", "content": ["Look: ", picture]}]}
    content = [{"item": {"picture": address}}]
    run = create_run(server, create_eval(server, criterion), given(content))

    assert get_final(server, run)["result_counts"]["passed"] == 1

    (request,) = models.requests()
    part = {"type": "image_url", "image_url": {"url": address}}
    assert request.body["messages"][0]["content"] == [{"type": "text", "text": "Look: "}, part]
    assert models.stats().started == 1
