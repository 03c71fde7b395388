"""Rows that break: they are errors with a reason, never scores, and the run goes on."""

from typing import Any

import psutil
import pytest

from tests.model_server.client import ModelServer
from tests.model_server.script import Fault, Rule, Step
from tests.runs.conftest import StartServer
from tests.runs.invariants import check
from tests.runs.making import (
    ALIKE,
    EXACT,
    Row,
    create_eval,
    create_run,
    get_final,
    get_saved,
    given,
    rows,
    sampled,
)
from tests.server import EvaldServer


def carried_out(
    server: EvaldServer, eval_id: str, data_source: Any, status: str = "completed"
) -> tuple[Any, list[Any]]:
    """Carry out a run, hold it against its items, and give both, the items by row."""
    run = create_run(server, eval_id, data_source)
    assert get_final(server, run)["status"] == status
    run, items = check(server, eval_id, run["id"])
    return run, sorted(items, key=lambda item: item["datasource_item_id"])


def errors_of(items: list[Any]) -> list[Any]:
    """Give the sampling error of each item."""
    return [item["sample"]["error"] for item in items]


def test_rows_that_the_endpoint_refuses_are_errored_with_its_words_and_the_others_are_not(
    server: EvaldServer, models: ModelServer
) -> None:
    refused = Step(status=400, message="This content is not allowed.")
    models.script_rules(Rule([refused], contains="row 1"))

    run, items = carried_out(server, create_eval(server), sampled(rows(20)))

    said = {"code": "invalid_request", "message": "400 from upstream: This content is not allowed."}
    assert run["result_counts"] == {"total": 20, "errored": 11, "failed": 4, "passed": 5}
    assert run["error"] is None
    assert [item["datasource_item_id"] for item in items if item["sample"]["error"]] == [
        1,
        *range(10, 20),
    ]
    assert errors_of(items)[1] == said
    assert items[1]["results"][0]["error"]["code"] == "no_sample"
    assert (items[1]["results"][0]["passed"], items[1]["results"][0]["score"]) == (False, 0)
    assert models.stats().started == 20


BROKEN = {
    "cut": (Step(fault=Fault.CUT_BEFORE), "connection_error"),
    "broken": (Step(fault=Fault.BROKEN_JSON), "invalid_response"),
    "overloaded": (Step(status=503, message="overloaded"), "upstream_error"),
    "unauthorized": (Step(status=401, message="no key"), "authentication_failed"),
    "patient": (Step(status=429, headers={"retry-after": "9999"}), "rate_limit_exceeded"),
    "mute": (Step(fault=Fault.HANG_BEFORE), "timeout"),
}


def test_every_kind_of_failure_is_told_apart_in_its_row(
    start_server: StartServer, models: ModelServer
) -> None:
    server = start_server(
        f'[providers.p]\nbase_url = "{models.url}"\nmax_attempts = 1\nfirst_byte_timeout = 1.0\n'
    )
    models.script_rules(*(Rule([step], contains=word) for word, (step, _) in BROKEN.items()))
    questions: list[Row] = [{"item": {"question": f"{word} row"}} for word in [*BROKEN, "good"]]

    run, items = carried_out(server, create_eval(server, EXACT), sampled(questions))

    codes = [error and error["code"] for error in errors_of(items)]
    assert codes == [*(code for _, code in BROKEN.values()), None]
    assert run["result_counts"]["errored"] == len(BROKEN)
    assert all(error["message"] for error in errors_of(items)[:-1])


def test_an_errored_row_tells_how_often_it_was_tried_and_how_long_the_last_try_took(
    start_server: StartServer, models: ModelServer
) -> None:
    server = start_server(f'[providers.p]\nbase_url = "{models.url}"\nmax_attempts = 3\n')
    busy = Step(status=503, headers={"retry-after-ms": "1"})
    models.script_rules(
        Rule([busy], contains="busy"),
        Rule([Step(status=400)], contains="wrong"),
    )
    questions: list[Row] = [{"item": {"question": word}} for word in ("busy", "wrong", "good")]

    run, items = carried_out(server, create_eval(server, EXACT), sampled(questions))

    assert [item["evald"]["attempts"] for item in items] == [3, 1, 1]
    assert all(item["evald"]["latency_ms"] > 0 for item in items)
    assert [error and error["message"] for error in errors_of(items)] == [
        "503 from p: scripted error (tried 3 times)",
        "400 from p: scripted error",
        None,
    ]
    assert run["per_model_usage"][0]["invocation_count"] == 1


def test_an_answer_that_cannot_be_kept_was_tried_all_the_same(
    server: EvaldServer, models: ModelServer
) -> None:
    deep = '{"choices": [{"message": {"content": "4", "tool_calls": [' + "[" * 300 + "]" * 300
    models.script(Step(body=deep + "]}}]}"))

    _, [item] = carried_out(server, create_eval(server), sampled(rows(1)))

    assert item["sample"]["error"]["message"].startswith("The answer cannot be kept: ")
    assert item["evald"]["attempts"] == 1
    assert item["evald"]["latency_ms"] > 0


def test_a_stream_without_a_reason_for_its_end_gives_a_sample_with_an_empty_one(
    server: EvaldServer, models: ModelServer
) -> None:
    chunk = '{"choices": [{"index": 0, "delta": {"content": "row 1"}, "finish_reason": null}]}'
    kind = {"content-type": "text/event-stream"}
    models.script(Step(body=f"data: {chunk}\n\ndata: [DONE]\n\n", headers=kind))

    _, [item] = carried_out(server, create_eval(server), sampled(rows(1, first=1)))

    assert (item["status"], item["sample"]["finish_reason"]) == ("pass", "")
    assert models.stats().started == 1


def test_a_run_of_which_every_row_errored_is_completed_unless_it_is_asked_otherwise(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(status=400, message="no"))

    run, _ = carried_out(server, create_eval(server), sampled(rows(5)))

    assert run["result_counts"] == {"total": 5, "errored": 5, "failed": 0, "passed": 0}
    assert run["per_model_usage"] == []


def refusing(*often: str) -> list[Rule]:
    """Give rules that refuse rows with these words, each with a message of its own."""
    return [Rule([Step(status=400, message=f"no {word}")], contains=word) for word in often]


@pytest.mark.parametrize(
    ("errored", "status"), [(0, "completed"), (5, "completed"), (6, "failed"), (10, "failed")]
)
def test_more_errored_rows_than_allowed_make_the_run_failed_with_the_most_common_error(
    server_with: StartServer, models: ModelServer, errored: int, status: str
) -> None:
    server = server_with(max_error_rate=0.5)
    models.script_rules(*refusing("cats", "dogs"))
    words = ["dogs", *["cats"] * errored][:errored] + ["fish"] * (10 - errored)
    questions: list[Row] = [{"item": {"question": word, "answer": word}} for word in words]

    run, items = carried_out(server, create_eval(server), sampled(questions), status)

    assert (run["result_counts"]["errored"], len(items)) == (errored, 10)
    message = f"{errored} of 10 rows errored, most often: 400 from upstream: no cats"
    expected = {"code": "too_many_errors", "message": message}
    assert run["error"] == (expected if status == "failed" else None)


LONG = {"answer": "to and fro " * 700, "text": "fro and to " * 1100}  # too long to be compared

MULTIPLIED = "{{ item.text }}" * 5_000


def test_a_text_that_is_too_long_is_an_error_of_its_row_and_never_a_score(
    server: EvaldServer, models: ModelServer
) -> None:
    long: Row = {"item": {"question": "long", "answer": "x", "text": "x" * 20_000}}
    short: Row = {"item": {"question": "short", "answer": "x", "text": ""}}
    eval_id = create_eval(server, {**EXACT, "input": MULTIPLIED, "reference": MULTIPLIED})

    run, items = carried_out(server, eval_id, given([long, short]))

    (result,) = items[0]["results"]
    assert result["error"]["code"] == "text_too_long"
    assert (result["passed"], result["score"]) == (False, 0)
    assert run["result_counts"] == {"total": 2, "errored": 1, "failed": 0, "passed": 1}
    page = server.ask("GET", f"/evaluations/{eval_id}?run_id={run['id']}&item={items[0]['id']}")
    assert page.status == 200
    assert "This text cannot be made" in page.body.decode()


def test_messages_that_are_too_long_are_an_error_of_their_row_and_are_not_sent(
    server: EvaldServer, models: ModelServer
) -> None:
    long: Row = {"item": {"question": "long", "answer": "x", "text": "x" * 20_000}}
    messages = {"type": "template", "template": [{"role": "user", "content": MULTIPLIED}]}

    run, items = carried_out(server, create_eval(server), sampled([long], input_messages=messages))

    assert [error["code"] for error in errors_of(items)] == ["text_too_long"]
    assert run["result_counts"]["errored"] == 1
    assert models.stats().started == 0


VERDICTS = [
    ("yes", "yes", "pass"),
    ("yes", "no", "fail"),
    ("no", "yes", "fail"),
    ("no", "no", "fail"),
    ("yes", "broken", "error"),
    ("no", "broken", "fail"),
]


def test_a_row_fails_by_any_failure_and_errs_by_any_error_only_without_one(
    server: EvaldServer, models: ModelServer
) -> None:
    eval_id = create_eval(
        server,
        {**EXACT, "input": "{{ item.exact }}", "reference": "yes"},
        {**ALIKE, "input": "{{ item.text }}"},
    )
    texts: dict[str, Row] = {
        "yes": {"answer": "four", "text": "four"},
        "no": {"answer": "four", "text": "zebra"},
        "broken": LONG,
    }
    content: list[Row] = [
        {"item": {"exact": exact, **texts[alike]}} for exact, alike, _ in VERDICTS
    ]

    run, items = carried_out(server, eval_id, given(content))

    assert [item["status"] for item in items] == [verdict for _, _, verdict in VERDICTS]
    assert run["result_counts"] == {"total": 6, "errored": 1, "failed": 4, "passed": 1}
    exact, alike = run["per_testing_criteria_results"]
    assert (exact["passed"], exact["failed"], exact["errored"]) == (3, 3, 0)
    assert (alike["passed"], alike["failed"], alike["errored"]) == (2, 2, 2)
    assert items[4]["results"][1]["error"]["code"] == "text_too_long"
    assert models.stats().started == 0


def test_a_row_without_a_field_of_the_template_is_asked_with_nothing_in_its_place(
    server: EvaldServer, models: ModelServer
) -> None:
    content: list[Row] = [{"item": {"answer": "?"}}, {"item": {"question": None, "answer": "?"}}]
    template = {"type": "template", "template": [{"role": "user", "content": "{{item.question}}?"}]}

    run, _ = carried_out(server, create_eval(server), sampled(content, input_messages=template))

    assert run["result_counts"] == {"total": 2, "errored": 0, "failed": 0, "passed": 2}
    assert models.stats().calls_by_message == {"?": 2}


def test_a_row_whose_messages_cannot_be_used_is_errored_without_a_call(
    server: EvaldServer, models: ModelServer
) -> None:
    good = [{"role": "user", "content": "Hello"}]
    content: list[Row] = [
        {"item": {"input": messages, "answer": "Hello"}}
        for messages in (good, None, [], [{"content": "no role"}], 5, "Hello")
    ]
    reference = {"type": "item_reference", "item_reference": "item.input"}

    run, items = carried_out(
        server, create_eval(server), sampled(content, input_messages=reference)
    )

    assert [item["status"] for item in items] == ["pass", *["error"] * 4, "pass"]
    assert {error["code"] for error in errors_of(items) if error} == {"invalid_input_messages"}
    assert models.stats().started == 2
    assert run["per_model_usage"][0]["invocation_count"] == 2


def test_a_grading_process_that_dies_spoils_no_later_run(
    start_server: StartServer, models: ModelServer
) -> None:
    server = start_server()
    texts = {"answer": "to and fro " * 170, "text": "fro and to, and to and fro " * 110}
    content: list[Row] = [{"item": texts} for _ in range(20)]
    eval_id = create_eval(server, {**ALIKE, "input": "{{ item.text }}"})
    run = create_run(server, eval_id, given(content))
    get_saved(server, run, 1)

    for child in psutil.Process(server.process.pid).children(recursive=True):
        child.kill()
    first = get_final(server, run)

    assert first["status"] == "completed"
    check(server, eval_id, run["id"])
    second, _ = carried_out(server, eval_id, given(content[:2]))
    assert second["result_counts"]["errored"] == 0
