"""Aliases: a model that no longer exists stands for one that does, wherever a model is named."""

from typing import Any

import openai

from tests.model_server.client import ModelServer
from tests.runs.making import (
    ASK,
    create_eval,
    create_run,
    get_final,
    items_of,
    rows,
    sampled,
)
from tests.server import EvaldServer

JUDGE = {
    "type": "score_model",
    "name": "judge",
    "model": "gpt-4o",
    "input": [{"role": "user", "content": "{{ sample.output_text }}"}],
}


def asked_models(models: ModelServer) -> set[str]:
    """Give the names under which models were asked."""
    return {seen.body["model"] for seen in models.requests()}


def test_a_run_and_its_judges_are_asked_of_the_model_behind_the_alias(
    server: EvaldServer, models: ModelServer
) -> None:
    eval_id = create_eval(server, JUDGE)
    source = sampled(rows(2), model="gpt-4o")

    run = get_final(server, create_run(server, eval_id, source))

    assert (run["status"], run["model"], run["data_source"]["model"]) == (
        "completed",
        "gpt-4o",
        "gpt-4o",
    )
    assert asked_models(models) == {"scripted"}
    assert [use["model_name"] for use in run["per_model_usage"]] == ["scripted"]
    assert {item["sample"]["model"] for item in items_of(server, run)} == {"scripted"}


def test_a_responses_run_goes_to_the_model_behind_the_alias(
    server: EvaldServer, models: ModelServer
) -> None:
    eval_id = create_eval(server)
    source = {**sampled(rows(1), model="gpt-4o", input_messages=ASK), "type": "responses"}

    run = get_final(server, create_run(server, eval_id, source))

    assert (run["status"], asked_models(models)) == ("completed", {"scripted"})


def test_what_is_passed_through_goes_there_too_and_is_stored_under_both_names(
    server: EvaldServer, models: ModelServer
) -> None:
    body: Any = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], "store": True}
    body["metadata"] = {"case": "alias"}

    completion = server.ask("POST", "/v1/chat/completions", body)
    response = server.ask("POST", "/v1/responses", {"model": "gpt-4o", "input": "hi"})

    assert (completion.status, response.status) == (200, 200)
    assert asked_models(models) == {"scripted"}
    assert (completion.json["model"], response.json["model"]) == ("scripted", "scripted")
    for name in ("gpt-4o", "scripted"):
        path = f"/v1/chat/completions?metadata[case]=alias&model={name}"
        assert len(server.ask("GET", path).json["data"]) == 1


def test_graders_that_are_tried_out_and_embeddings_go_by_aliases(
    server: EvaldServer, models: ModelServer
) -> None:
    alike = {
        "type": "text_similarity",
        "name": "alike",
        "input": "{{ sample.output_text }}",
        "reference": "a",
        "evaluation_metric": "cosine",
        "pass_threshold": 0.5,
    }
    for grader in (JUDGE, alike):
        body = {"grader": grader, "model_sample": "b"}
        answer = server.ask("POST", "/v1/fine_tuning/alpha/graders/run", body)
        assert answer.status == 200, answer.body

    assert asked_models(models) == {"scripted", "embedder"}


def test_the_list_of_models_has_the_aliases(server: EvaldServer, client: openai.OpenAI) -> None:
    found = {model.id: model for model in client.models.list()}

    assert {"scripted", "gpt-4o", "text-embedding-3-large"} <= found.keys()
    assert found["gpt-4o"].owned_by == found["scripted"].owned_by
    extra = client.models.retrieve("gpt-4o").model_extra
    assert extra is not None
    assert extra["evald"] == {"alias_of": "scripted"}
    assert server.ask("GET", "/v1/models/gpt-9").status == 404
