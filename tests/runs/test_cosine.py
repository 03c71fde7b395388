"""Runs that compare texts by their embeddings, and evals that cannot."""

import json
from typing import Any

import pytest

from tests.model_server.client import ModelServer
from tests.model_server.script import Fault, Rule, Step
from tests.runs.canceling import cancel_and_check
from tests.runs.conftest import StartServer
from tests.runs.invariants import check
from tests.runs.judge_faults import hasty
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

COSINE = {
    "type": "text_similarity",
    "name": "close",
    "input": "{{ item.text }}",
    "reference": "{{ item.reference }}",
    "evaluation_metric": "cosine",
    "pass_threshold": 0.9,
}
BOTH = {
    "type": "multi",
    "name": "both",
    "graders": {"close": COSINE, "exact": EXACT},
    "calculate_output": "close",
}


@pytest.fixture
def embedding_server(server_with: StartServer, models: ModelServer) -> EvaldServer:
    """A server whose embedding model is asked once."""
    return server_with(f'embeddings_model = "embedder"\n{hasty(models)}')


def pair(text: str, reference: str) -> Any:
    return {"item": {"text": text, "reference": reference}}


def results_of(items: Any) -> list[tuple[str, Any]]:
    """Give the status of each item with its score, or the code of its error."""
    ordered = sorted(items, key=lambda item: int(item["datasource_item_id"]))
    results = [(item["status"], item["results"][0]) for item in ordered]
    return [
        (status, result["error"]["code"] if "error" in result else round(result["score"], 4))
        for status, result in results
    ]


def test_rows_pass_by_the_cosine_of_their_texts_and_its_tokens_are_counted(
    embedding_server: EvaldServer, models: ModelServer
) -> None:
    pairs = [pair("ab", "ba"), pair("ab", "ac"), pair("same", "same"), pair("ab", "")]
    run = create_run(embedding_server, create_eval(embedding_server, COSINE), given(pairs))
    get_final(embedding_server, run)

    run, items = check(embedding_server, run["eval_id"], run["id"])

    assert results_of(items) == [
        ("pass", 1.0),
        ("fail", 0.5),
        ("pass", 1.0),
        ("error", "text_empty"),
    ]
    assert sorted(models.stats().calls_by_message) == ["ab\nac", "ab\nba"]
    tokens = {"prompt_tokens": 4, "total_tokens": 4, "completion_tokens": 0, "cached_tokens": 0}
    counted = [{"model_name": "embedder", "invocation_count": 2, **tokens}]
    assert run["per_model_usage"] == counted
    assert run["evald"]["usage"] == {"sampling": [], "judging": counted}


def answer(*embeddings: Any) -> Step:
    return Step(body=json.dumps({"data": [{"embedding": each} for each in embeddings]}))


FAULTS: dict[str, tuple[Step, str]] = {
    "overloaded": (Step(status=503), "embeddings_unavailable"),
    "no key": (Step(status=401), "embeddings_unavailable"),
    "too many": (Step(status=429, headers={"retry-after": "9999"}), "embeddings_unavailable"),
    "too long": (Step(status=400, message="maximum context"), "embeddings_unavailable"),
    "cut": (Step(fault=Fault.CUT_BEFORE), "embeddings_unavailable"),
    "mute": (Step(fault=Fault.HANG_BEFORE), "embeddings_unavailable"),
    "broken": (Step(fault=Fault.BROKEN_JSON), "embeddings_unavailable"),
    "one of two": (answer([1]), "embeddings_unavailable"),
    "words": (answer("a", "b"), "embeddings_unavailable"),
    "all zero": (answer([0, 0], [1, 0]), "embedding_unusable"),
    "not a number": (answer([None, 1], [1, 0]), "embedding_unusable"),
    "empty": (answer([], []), "embedding_unusable"),
    "of other lengths": (answer([1], [1, 0]), "embeddings_differ"),
}


def test_a_fault_of_the_embedding_model_is_an_error_and_never_a_score(
    embedding_server: EvaldServer, models: ModelServer
) -> None:
    models.script_rules(*(Rule([step], contains=name) for name, (step, _) in FAULTS.items()))
    eval_id = create_eval(embedding_server, {**COSINE, "pass_threshold": 0})
    run = create_run(embedding_server, eval_id, given([pair(name, "x") for name in FAULTS]))
    get_final(embedding_server, run)

    run, items = check(embedding_server, run["eval_id"], run["id"])

    assert results_of(items) == [("error", code) for _, code in FAULTS.values()]
    counts = {"total": len(FAULTS), "errored": len(FAULTS), "failed": 0, "passed": 0}
    assert run["result_counts"] == counts


@pytest.mark.parametrize("criterion", [COSINE, BOTH], ids=["a criterion", "a part of a formula"])
def test_a_run_is_canceled_while_many_rows_wait_for_embeddings(
    embedding_server: EvaldServer, models: ModelServer, criterion: Any
) -> None:
    models.script(Step(hold="before"))
    pairs = [pair(f"row {number}", "x") for number in range(80)]
    run = create_run(embedding_server, create_eval(embedding_server, criterion), given(pairs))
    models.wait(held=64)

    canceled, items = cancel_and_check(embedding_server, models, run)

    assert (canceled["evald"]["calls_aborted"], items) == (64, [])


def test_the_environment_names_the_embedding_model_of_the_upstream(
    start_server: StartServer, models: ModelServer
) -> None:
    server = start_server(embeddings_model="named")
    eval_id = create_eval(server, {**COSINE, "input": "{{ sample.output_text }}"})
    content = [{"item": {"question": "ab", "reference": "ba"}}]

    run = create_run(server, eval_id, sampled(content))

    assert get_final(server, run)["result_counts"]["passed"] == 1
    assert models.requests()[-1].body["model"] == "named"


@pytest.mark.parametrize(
    ("criterion", "place"),
    [(COSINE, "evaluation_metric"), (BOTH, "graders.close.evaluation_metric")],
    ids=["a criterion", "a part of a formula"],
)
def test_without_an_embedding_model_an_eval_is_refused_by_the_place_and_told_what_to_set(
    server: EvaldServer, criterion: Any, place: str
) -> None:
    config = {"type": "custom", "item_schema": {}}
    body = {"data_source_config": config, "testing_criteria": [EXACT, criterion]}

    answer = server.ask("POST", "/v1/evals", body)

    error = answer.json["error"]
    assert (answer.status, error["param"]) == (400, f"testing_criteria[1].{place}")
    assert error["code"] == "embeddings_not_configured"
    assert "EVALD_EMBEDDINGS_MODEL" in error["message"]


def test_an_eval_outlives_its_embedding_model_and_only_its_runs_are_refused(
    start_server: StartServer, models: ModelServer
) -> None:
    server = start_server(embeddings_model="embedder")
    eval_id = create_eval(server, COSINE)
    del server.environment["EVALD_EMBEDDINGS_MODEL"]
    server.restart()

    answer = server.ask("POST", f"/v1/evals/{eval_id}/runs", {"data_source": given(rows(1))})

    error = answer.json["error"]
    assert (answer.status, error["param"]) == (400, "testing_criteria[0].evaluation_metric")
    assert asked(server, "GET", f"/v1/evals/{eval_id}")["testing_criteria"][0]["name"] == "close"
