"""Judges through the official client (contract 6.4, 6.5)."""

import json
from typing import Any

import openai
import pytest

from tests.contract.making import completed, items_of, jsonl, new_eval, row
from tests.model_server.client import ModelServer
from tests.model_server.script import Rule, Step

LABEL = {
    "type": "label_model",
    "name": "mood",
    "model": "judge",
    "input": [
        {"role": "developer", "content": "Name the mood."},
        {"role": "user", "content": "Text: {{ item.question }}"},
    ],
    "labels": ["good", "bad"],
    "passing_labels": ["good"],
}
SCORE = {
    "type": "score_model",
    "name": "quality",
    "model": "judge",
    "input": [{"role": "user", "content": "Score 1 to 7: {{ item.question }}"}],
    "range": [1, 7],
    "pass_threshold": 5.5,
    "sampling_params": {"temperature": 0, "seed": 1, "top_p": 1, "max_completions_tokens": 512},
}


def judged(result: Any) -> str:
    """Give what a judge writes."""
    return json.dumps({"steps": [{"description": "d", "conclusion": "c"}], "result": result})


def test_an_eval_shows_its_judges_as_the_live_service_does(client: openai.OpenAI) -> None:
    label, score = new_eval(client, LABEL, SCORE).to_dict()["testing_criteria"]

    text = {"type": "input_text", "text": "Text: {{ item.question }}"}
    assert label["input"][1] == {"type": "message", "role": "user", "content": text}
    assert label["sampling_params"] is None
    assert (label["labels"], label["passing_labels"]) == (["good", "bad"], ["good"])
    assert (score["range"], score["pass_threshold"]) == ([1, 7], 5.5)
    assert score["sampling_params"] == SCORE["sampling_params"]


def test_a_label_decides_the_row_and_stands_in_the_result(
    client: openai.OpenAI, models: ModelServer
) -> None:
    models.script_rules(
        Rule([Step(text=judged("good"))], contains="sun"),
        Rule([Step(text=judged("bad"))], contains="rain"),
    )

    run = completed(client, new_eval(client, LABEL).id, jsonl(row("sun"), row("rain")))

    sun, rain = items_of(client, run)
    assert (sun.status, rain.status) == ("pass", "fail")
    results = [item.results[0].to_dict() for item in (sun, rain)]
    assert [each["label"] for each in results] == ["good", "bad"]
    assert [each["score"] for each in results] == [1, 0]
    assert [each["type"] for each in results] == ["label_model"] * 2
    assert json.loads(results[0]["sample"]["output"][0]["content"])["result"] == "good"
    developer = models.requests()[0].body["messages"][0]
    assert developer == {"role": "developer", "content": "Name the mood."}


@pytest.mark.parametrize(
    ("said", "score", "passes"), [(7, 7, True), (5.5, 5.5, True), (5.4, 5.4, False), (9, 7, True)]
)
def test_a_score_is_held_against_range_and_threshold(
    client: openai.OpenAI, models: ModelServer, said: float, score: float, *, passes: bool
) -> None:
    models.script(Step(text=judged(said)))

    run = completed(client, new_eval(client, SCORE).id, jsonl(row("a")))

    ((result,),) = [item.results for item in items_of(client, run)]
    assert (result.score, result.passed) == (score, passes)
    assert result.to_dict().get("clamped", False) == (said > 7)
    sent = models.requests()[0].body
    assert (sent["temperature"], sent["seed"], sent["max_completion_tokens"]) == (0, 1, 512)
    assert sent["response_format"]["json_schema"]["strict"] is True


def test_a_judge_that_refuses_is_an_error_that_a_client_can_read(
    client: openai.OpenAI, models: ModelServer
) -> None:
    models.script(Step(refusal="I will not judge this."))

    run = completed(client, new_eval(client, SCORE).id, jsonl(row("a")))

    assert run.result_counts.errored == 1
    (item,) = items_of(client, run)
    result = item.results[0].to_dict()
    assert (item.status, result["passed"], result["score"]) == ("error", False, 0)
    assert result["error"]["code"] == "judge_refused"
    assert result["sample"]["error"] == result["error"]
    assert result["sample"]["output"][0]["refusal"] == "I will not judge this."


def test_the_tokens_of_judges_are_in_the_usage_per_model(
    client: openai.OpenAI, models: ModelServer
) -> None:
    models.script(Step(text=judged("good"), answers_as="judge-2026-01-01"))

    run = completed(client, new_eval(client, LABEL).id, jsonl(row("a"), row("b")))

    (usage,) = run.per_model_usage
    assert (usage.model_name, usage.invocation_count) == ("judge-2026-01-01", 2)
    apart = run.to_dict()["evald"]["usage"]
    assert apart == {"sampling": [], "judging": [usage.to_dict()]}
    used = [item.to_dict()["evald"]["judge_usage"][0] for item in items_of(client, run)]
    assert sum(each["total_tokens"] for each in used) == usage.total_tokens


REFUSED: list[tuple[Any, str]] = [
    ({**LABEL, "labels": []}, "labels"),
    ({**LABEL, "passing_labels": ["fine"]}, "passing_labels"),
    ({**SCORE, "range": [7, 1]}, "range"),
    ({**SCORE, "pass_threshold": 8}, "pass_threshold"),
    ({**SCORE, "sampling_params": {"temperature": "hot"}}, "sampling_params.temperature"),
]


@pytest.mark.parametrize(("criterion", "place"), REFUSED)
def test_a_judge_that_cannot_work_is_refused_by_the_path_of_the_fault(
    client: openai.OpenAI, criterion: Any, place: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        new_eval(client, criterion)

    assert refused.value.param == f"testing_criteria[0].{place}"


def test_a_result_is_named_as_its_criterion(client: openai.OpenAI, models: ModelServer) -> None:
    models.script(Step(text=judged("good")))
    created = new_eval(client, LABEL)

    run = completed(client, created.id, jsonl(row("a")))

    (item,) = items_of(client, run)
    name = item.results[0].to_dict()["name"]
    assert name == created.to_dict()["testing_criteria"][0]["id"]
    assert name.removeprefix("mood-") == name[-36:]
