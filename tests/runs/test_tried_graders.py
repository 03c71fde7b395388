"""Graders that are tried out: which flags tell of which fault, and what a client that leaves stops."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

import pytest

from tests.model_server.client import ModelServer
from tests.model_server.script import Fault, Rule, Step
from tests.runs.conftest import StartServer
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
from tests.runs.making import ALIKE, EXACT, asked, create_eval, create_run, get_final, given
from tests.runs.test_cosine import COSINE
from tests.server import ANSWERED_WITHIN_S, EvaldServer

PATH = "/v1/fine_tuning/alpha/graders/run"
DETAILS = {
    "model_grader_server_error_details": None,
    "python_grader_server_error_type": None,
    "python_grader_runtime_error_details": None,
}
FLAGS = {
    *("formula_parse_error", "sample_parse_error", "truncated_observation_error"),
    *("unresponsive_reward_error", "invalid_variable_error", "other_error"),
    *("python_grader_server_error", "python_grader_runtime_error"),
    *("model_grader_server_error", "model_grader_refusal_error", "model_grader_parse_error"),
}
FLAGS_OF: dict[str | None, set[str]] = {
    None: set(),
    "judge_unavailable": {"model_grader_server_error"},
    "judge_refused": {"model_grader_refusal_error"},
    "judge_filtered": {"model_grader_refusal_error"},
    "judge_truncated": {"model_grader_parse_error", "truncated_observation_error"},
    "judge_empty": {"model_grader_parse_error", "unresponsive_reward_error"},
    "judge_unparseable": {"model_grader_parse_error"},
    "judge_score_invalid": {"model_grader_parse_error"},
    "judge_label_unknown": {"model_grader_parse_error"},
}


def tried(server: EvaldServer, grader: Any, sample: str = "", **item: Any) -> Any:
    """Try a grader out and give the answer."""
    return asked(server, "POST", PATH, {"grader": grader, "model_sample": sample, "item": item})


def raised(answer: Any) -> set[str]:
    """Give the flags that are true; every key of the contract is there."""
    errors = answer["metadata"]["errors"]
    assert errors.keys() == FLAGS | DETAILS.keys()
    assert all(isinstance(errors[flag], bool) for flag in FLAGS)
    return {flag for flag in FLAGS if errors[flag]}


@pytest.mark.parametrize(
    ("grader", "cases"),
    [
        (SCORE, UPSTREAM | NOT_GIVEN | UNREADABLE | NO_SCORE | A_SCORE),
        (LABEL, NOT_GIVEN | UNREADABLE | NO_LABEL),
    ],
    ids=["score_model", "label_model"],
)
def test_every_fault_of_a_judge_has_its_flags_and_no_reward(
    server_with: StartServer, models: ModelServer, grader: Any, cases: dict[str, Case]
) -> None:
    server = server_with(hasty(models))
    script_cases(models, cases)

    answers = {name: tried(server, grader, question=f"<{name}>") for name in cases}

    for name, (_, code) in cases.items():
        late = {"unresponsive_reward_error"} if name == "mute" else set()
        assert raised(answers[name]) == FLAGS_OF[code] | late, name
        assert (answers[name]["reward"] > 0) == (code is None), name
        error = answers[name]["evald"]["error"]
        assert (error and error["code"]) == code, name
        details = answers[name]["metadata"]["errors"]["model_grader_server_error_details"]
        assert details == (error["message"] if code == "judge_unavailable" else None), name


@pytest.mark.parametrize("name", ["overloaded", "refusal", "cut json", "only reasoning"])
def test_a_fault_of_a_part_raises_the_flags_of_the_formula(
    server_with: StartServer, models: ModelServer, name: str
) -> None:
    cases = UPSTREAM | NOT_GIVEN | UNREADABLE
    server = server_with(hasty(models))
    script_cases(models, cases)
    parts = {"quality": SCORE, "exact": {**EXACT, "reference": "right"}}
    grader = {"type": "multi", "graders": parts, "calculate_output": "exact"}

    answer = tried(server, grader, "right", question=f"<{name}>")

    assert raised(answer) == FLAGS_OF[cases[name][1]]
    assert answer["reward"] == 0
    assert answer["sub_rewards"] == {"quality": None, "exact": 1.0}
    assert answer["evald"]["error"]["code"] == "part_failed"


def check_one(answer: Any, flags: set[str], reward: Any) -> None:
    assert (raised(answer), answer["reward"]) == (flags, reward)


def test_a_formula_that_cannot_be_read_asks_no_model(
    server: EvaldServer, models: ModelServer
) -> None:
    grader = {"type": "multi", "graders": {"a": SCORE}, "calculate_output": "a + tone"}

    answer = tried(server, grader, question="x")

    check_one(answer, {"formula_parse_error"}, 0)
    assert "unknown name 'tone'" in answer["evald"]["error"]["message"]
    assert models.stats().started == 0


def test_a_formula_without_a_value_is_another_error(server: EvaldServer) -> None:
    part = {**EXACT, "reference": "right"}
    grader = {"type": "multi", "graders": {"a": part}, "calculate_output": "1 / a"}

    answer = tried(server, grader, "wrong")

    check_one(answer, {"other_error"}, 0)
    assert answer["sub_rewards"] == {"a": 0.0}


@pytest.mark.parametrize(
    ("reference", "flag"),
    [
        ("item.nothing", "invalid_variable_error"),
        ("item.known.deeper", "invalid_variable_error"),
        ("sample.nothing", "invalid_variable_error"),
        ("sample.output_json.a", "sample_parse_error"),
        ("sample.output_json", "sample_parse_error"),
    ],
)
@pytest.mark.parametrize("kind", ["text", "message", "part"])
def test_a_reference_that_leads_nowhere_raises_its_flag_and_renders_as_nothing(
    server: EvaldServer, models: ModelServer, reference: str, flag: str, kind: str
) -> None:
    models.script(text(said(1)))
    template = f"{{{{ {reference} }}}}"
    check = {**EXACT, "input": "", "reference": template}
    graders: dict[str, Any] = {
        "text": check,
        "message": {**SCORE, "input": [{"role": "user", "content": ["Score", template]}]},
        "part": {"type": "multi", "graders": {"a": check}, "calculate_output": "a"},
    }

    check_one(tried(server, graders[kind], "no JSON", known="a"), {flag}, 1)


@pytest.mark.parametrize(
    "reference", ["item.null", "item.empty", "sample.output_json.a", "sample.output_text"]
)
def test_a_reference_to_a_value_raises_no_flag_also_where_it_is_null(
    server: EvaldServer, reference: str
) -> None:
    grader = {**EXACT, "reference": f"{{{{ {reference} }}}}", "operation": "like"}

    answer = tried(server, grader, '{"a": null}', null=None, empty="")

    assert raised(answer) == set()


def test_texts_that_are_too_long_to_compare_are_another_error(server: EvaldServer) -> None:
    long = "one two " * 2_000
    grader = {**ALIKE, "reference": "{{ item.long }}x"}

    check_one(tried(server, grader, long, long=long), {"other_error"}, 0)


@pytest.mark.parametrize("reference", ["{{ item.a }}", "{{ item.a.b }}"])
def test_templates_that_make_too_long_a_text_are_another_error(
    server: EvaldServer, reference: str
) -> None:
    grader = {**EXACT, "input": reference * 40_000, "reference": "x"}

    answer = tried(server, grader, a='{"b":"' + "x" * 20_000 + '"}')

    check_one(answer, {"other_error"}, 0)
    assert answer["evald"]["error"]["code"] == "text_too_long"


def test_an_embedding_model_that_fails_is_told_as_a_model_that_fails(
    server_with: StartServer, models: ModelServer
) -> None:
    server = server_with(f'embeddings_model = "embedder"\n{hasty(models)}')
    models.script_rules(
        Rule([Step(status=503, message="loading")], contains="broken"),
        Rule([Step(fault=Fault.HANG_BEFORE)], contains="mute"),
    )

    broken = tried(server, COSINE, text="broken", reference="x")
    empty = tried(server, COSINE, text="", reference="x")
    right = tried(server, COSINE, text="ab", reference="ba")

    check_one(broken, {"model_grader_server_error"}, 0)
    assert "loading" in broken["metadata"]["errors"]["model_grader_server_error_details"]
    check_one(empty, {"other_error"}, 0)
    check_one(right, set(), pytest.approx(1))
    assert right["model_grader_token_usage_per_model"]["embedder"]["total_tokens"] == 2


@contextmanager
def sent(server: EvaldServer, grader: Any) -> Iterator[HTTPConnection]:
    """Send a grader to be tried and look for no answer; behind the block the client has left."""
    body = json.dumps({"grader": grader, "model_sample": "", "item": {"question": "a"}})
    connection = HTTPConnection("127.0.0.1", server.port, timeout=ANSWERED_WITHIN_S)
    try:
        connection.request("POST", PATH, body, {"content-type": "application/json"})
        yield connection
    finally:
        connection.close()


@pytest.mark.parametrize("hold", ["before", "within"])
def test_a_client_that_leaves_stops_the_calls_of_its_grader(
    server: EvaldServer, models: ModelServer, hold: Any
) -> None:
    models.script(text(said(1), hold=hold))
    parts = {"a": SCORE, "b": {**SCORE, "input": [{"role": "user", "content": "b"}]}}
    grader = {"type": "multi", "graders": parts, "calculate_output": "a + b"}

    with sent(server, grader):
        models.wait(held=2)

    assert models.wait(aborted=2, in_flight=0).finished == 0


def test_a_client_that_leaves_while_its_grader_waits_for_a_place_stops_that_too(
    server_with: StartServer, models: ModelServer
) -> None:
    server = server_with(f'[providers.p]\nbase_url = "{models.url}"\nmax_concurrency = 1\n')
    models.script(text(said(1), hold="before"))
    run = create_run(server, create_eval(server, SCORE), given([{"item": {"question": "row"}}]))
    models.wait(held=1)

    with sent(server, SCORE), pytest.raises(TimeoutError):
        models.wait(timeout=0.2, started=2)  # within the limit it has no place
    assert server.ask("GET", "/healthz").status == 200  # by now the leaving is noticed
    models.release()

    assert get_final(server, run)["result_counts"]["passed"] == 1
    tried(server, SCORE, question="after")
    assert models.stats().calls_by_message == {"row": 1, "after": 1}


def test_a_judge_that_is_overloaded_is_tried_again(
    server_with: StartServer, models: ModelServer
) -> None:
    server = server_with(f'[providers.p]\nbase_url = "{models.url}"\n')
    again = Step(status=429, headers={"retry-after": "0"})
    models.script(again, again, text(said(0.75)))

    check_one(tried(server, SCORE, question="a"), set(), 0.75)
    assert models.stats().started == 3
