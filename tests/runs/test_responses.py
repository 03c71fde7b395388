"""Responses runs and judges by responses: every fault is an error with a reason, never a score."""

import json
from typing import Any

from tests.model_server.client import ModelServer
from tests.model_server.script import Fault, Rule, Step
from tests.runs.canceling import cancel_and_check
from tests.runs.conftest import StartServer
from tests.runs.invariants import check
from tests.runs.making import (
    ALIKE,
    EXACT,
    asked,
    create_eval,
    create_run,
    get_final,
    given,
    path_of,
    rows,
    sampled,
)
from tests.server import EvaldServer

STREAM = {"content-type": "text/event-stream"}


def by_responses(source: Any, **also: Any) -> Any:
    """Give the data source of a run that asks the model for responses."""
    return {**sampled(source), "type": "responses", **also}


def event(kind: str, **also: Any) -> str:
    return f"data: {json.dumps({'type': kind, **also})}\n\n"


FAULTS: dict[str, tuple[Step, str]] = {
    "cut before": (Step(fault=Fault.CUT_BEFORE), "connection_error"),
    "cut within": (Step(fault=Fault.CUT_WITHIN), "connection_error"),
    "unended": (Step(fault=Fault.UNENDED), "connection_error"),
    "done too early": (Step(body="data: [DONE]\n\n", headers=STREAM), "invalid_response"),
    "broken json": (Step(fault=Fault.BROKEN_JSON), "invalid_response"),
    "no utf-8": (Step(fault=Fault.NOT_UTF8), "invalid_response"),
    "no response": (Step(body='{"choices": []}'), "invalid_response"),
    "a list": (Step(body="[]"), "invalid_response"),
    "a web page": (
        Step(body="<html>", headers={"content-type": "text/html"}),
        "invalid_response",
    ),
    "an empty end": (Step(body=event("response.completed"), headers=STREAM), "invalid_response"),
    "never ready": (Step(response_status="queued"), "invalid_response"),
    "an error event": (Step(fault=Fault.ERROR_WITHIN), "upstream_error"),
    "a bad prompt": (
        Step(fault=Fault.ERROR_WITHIN, code="invalid_prompt"),
        "invalid_request",
    ),
    "it failed": (Step(response_status="failed", code="server_error"), "upstream_error"),
    "too fast": (
        Step(response_status="failed", code="rate_limit_exceeded"),
        "rate_limit_exceeded",
    ),
    "a bad picture": (
        Step(response_status="failed", code="invalid_image_url"),
        "invalid_request",
    ),
    "it was canceled": (Step(response_status="cancelled"), "upstream_error"),
    "overloaded": (Step(status=503), "upstream_error"),
    "no key": (Step(status=401), "authentication_failed"),
    "no such model": (Step(status=404, message="no model of this name"), "not_found"),
    "too many": (Step(status=429, headers={"retry-after": "9999"}), "rate_limit_exceeded"),
    "not allowed": (Step(status=400, message="No."), "invalid_request"),
    "mute": (Step(fault=Fault.HANG_BEFORE), "timeout"),
    "deep": (
        Step(body='{"output": [{"type": "mcp_call", "output": ' + "[" * 300 + "]" * 300 + "}]}"),
        "invalid_response",
    ),
}
SAMPLES: dict[str, tuple[Step, str]] = {
    "as usual": (Step(text="row"), "pass"),
    "unstreamed": (Step(text="row", fault=Fault.JSON_FOR_STREAM), "pass"),
    "without usage": (Step(text="row", usage=False), "pass"),
    "cut at the limit": (Step(text="ro", finish_reason="length"), "fail"),
    "filtered": (Step(text="", finish_reason="content_filter"), "fail"),
    "refused": (Step(refusal="No."), "fail"),
}


def test_every_fault_is_told_apart_and_what_is_an_answer_is_graded(
    server_with: StartServer, models: ModelServer
) -> None:
    server = server_with(
        f'[providers.p]\nbase_url = "{models.url}"\nmax_attempts = 1\nfirst_byte_timeout = 1.0\n'
    )
    cases = {**FAULTS, **SAMPLES}
    models.script_rules(*(Rule([step], contains=f"<{name}>") for name, (step, _) in cases.items()))
    content = [{"item": {"question": f"<{name}>", "answer": "row"}} for name in cases]

    created = create_run(server, create_eval(server), by_responses(content))
    assert get_final(server, created)["status"] == "completed"
    run, items = check(server, created["eval_id"], created["id"])

    items.sort(key=lambda item: item["datasource_item_id"])
    errors = [item["sample"]["error"] for item in items[: len(FAULTS)]]
    found = {name: error["code"] for name, error in zip(FAULTS, errors, strict=True)}
    assert found == {name: code for name, (_, code) in FAULTS.items()}
    assert all(error["message"] for error in errors)
    assert [item["status"] for item in items[len(FAULTS) :]] == [
        status for _, status in SAMPLES.values()
    ]
    assert run["result_counts"] == {
        "total": len(cases),
        "errored": len(FAULTS),
        "failed": 3,
        "passed": 3,
    }
    assert {seen.path for seen in models.requests()} == {"/v1/responses"}


def test_a_cancel_cuts_off_every_call_in_flight(server: EvaldServer, models: ModelServer) -> None:
    models.script(Step(hold="within"))
    run = create_run(server, create_eval(server), by_responses(rows(20)))
    models.wait(held=20)

    canceled, items = cancel_and_check(server, models, run)

    assert (canceled["evald"]["calls_aborted"], items) == (20, [])


def test_runs_of_both_apis_share_the_limit_of_their_provider(
    server_with: StartServer, models: ModelServer
) -> None:
    server = server_with(f'[providers.p]\nbase_url = "{models.url}"\nmax_concurrency = 4\n')
    models.script(Step(hold="before"))
    eval_id = create_eval(server)
    made = [create_run(server, eval_id, source(rows(20))) for source in (sampled, by_responses)]
    models.wait(held=4)

    models.release()

    assert [get_final(server, run)["status"] for run in made] == ["completed"] * 2
    assert models.stats().max_in_flight == 4


def test_an_endpoint_that_is_set_to_chat_is_asked_so_and_what_it_cannot_be_asked_is_an_error(
    server_with: StartServer, models: ModelServer
) -> None:
    server = server_with(f'[providers.p]\nbase_url = "{models.url}"\napi = "chat"\n')
    eval_id = create_eval(server)
    tools = {"tools": [{"type": "web_search"}]}

    plain = create_run(server, eval_id, by_responses(rows(2, first=1)))
    hosted = create_run(server, eval_id, by_responses(rows(2), sampling_params=tools))

    assert get_final(server, plain)["result_counts"]["passed"] == 2
    assert get_final(server, hosted)["result_counts"]["errored"] == 2
    _, items = check(server, eval_id, hosted["id"])
    error = items[0]["sample"]["error"]
    assert error["code"] == "responses_not_supported"
    assert "know no tools of type 'web_search'" in error["message"]
    assert {seen.path for seen in models.requests()} == {"/v1/chat/completions"}


LABEL = {
    "type": "label_model",
    "name": "mood",
    "model": "judge",
    "input": [{"role": "user", "content": "{{ item.question }}"}],
    "labels": ["good", "bad"],
    "passing_labels": ["good"],
    "sampling_params": {"max_completions_tokens": 99, "reasoning_effort": "low"},
}
GOOD = json.dumps({"steps": [{"description": "Look", "conclusion": "Fine"}], "result": "good"})


def judged(server: EvaldServer) -> Any:
    """Have one row judged and give its only result."""
    content = [{"item": {"question": "?"}}]
    run = create_run(server, create_eval(server, LABEL), given(content))
    assert get_final(server, run)["status"] == "completed"
    _, [item] = check(server, run["eval_id"], run["id"])
    return item["results"][0]


def test_a_judge_is_asked_by_responses_where_its_provider_is_set_so(
    server_with: StartServer, models: ModelServer
) -> None:
    server = server_with(f'[providers.p]\nbase_url = "{models.url}"\napi = "responses"\n')
    models.script(Step(text=GOOD, answers_as="judge-2026"))

    result = judged(server)

    assert (result["passed"], result["label"]) == (True, "good")
    assert result["sample"]["output"] == [{"role": "assistant", "content": GOOD}]
    assert result["sample"]["model"] == "judge-2026"
    (seen,) = models.requests()
    assert seen.path == "/v1/responses"
    form = seen.body["text"]["format"]
    assert (form["type"], form["name"], form["strict"]) == ("json_schema", "judgement", True)
    assert form["schema"]["required"] == ["steps", "result"]
    assert (seen.body["max_output_tokens"], seen.body["reasoning"]) == (99, {"effort": "low"})


def test_a_judge_by_responses_is_asked_in_a_weaker_form_where_its_endpoint_has_no_schema(
    server_with: StartServer, models: ModelServer
) -> None:
    server = server_with(f'[providers.p]\nbase_url = "{models.url}"\napi = "responses"\n')
    models.script(
        Step(status=400, message="Invalid value: 'json_schema' for text.format.type"),
        Step(status=400, message="text.format is not supported"),
        Step(text=GOOD),
        per="rule",
    )

    result = judged(server)

    assert (result["passed"], result["label"]) == (True, "good")
    forms = [seen.body.get("text", {}).get("format", {}) for seen in models.requests()]
    assert [form.get("type") for form in forms] == ["json_schema", "json_object", None]


def test_a_judge_by_responses_that_refuses_or_is_cut_off_gives_no_score(
    server_with: StartServer, models: ModelServer
) -> None:
    server = server_with(f'[providers.p]\nbase_url = "{models.url}"\napi = "responses"\n')
    codes = []
    for step in (
        Step(refusal="No."),
        Step(text=GOOD, finish_reason="length"),
        Step(text=GOOD, finish_reason="content_filter"),
        Step(text=""),
        Step(response_status="failed", code="invalid_prompt"),
    ):
        models.script(step)
        result = judged(server)
        codes.append(result["error"]["code"])
        assert (result["passed"], result["score"]) == (False, 0)

    assert codes == [
        "judge_refused",
        "judge_truncated",
        "judge_filtered",
        "judge_empty",
        "judge_unavailable",
    ]


def test_a_completions_run_is_asked_by_responses_where_its_provider_is_set_so(
    server_with: StartServer, models: ModelServer
) -> None:
    server = server_with(f'[providers.p]\nbase_url = "{models.url}"\napi = "responses"\n')

    run = create_run(server, create_eval(server, EXACT, ALIKE), sampled(rows(2, first=1)))

    assert get_final(server, run)["result_counts"]["passed"] == 2
    items = asked(server, "GET", f"{path_of(run)}/output_items")["data"]
    assert {item["evald"]["asked_by"] for item in items} == {"responses"}
    assert {seen.path for seen in models.requests()} == {"/v1/responses"}
