"""`client.fine_tuning.alpha.graders`: what official clients send and read (contract 2.4, 6.8)."""

from typing import Any

import openai
import pytest

from tests.contract.making import EXACT, MODEL, MULTI, SIMILAR, new_eval, raw
from tests.model_server.client import ModelServer
from tests.model_server.script import Rule, Step
from tests.server import EvaldServer

SCORE: dict[str, Any] = {
    "type": "score_model",
    "name": "quality",
    "model": MODEL,
    "input": [{"role": "user", "content": "Score {{ sample.output_text }} of {{ item.topic }}"}],
    "range": [0, 10],
}
LABEL: dict[str, Any] = {
    "type": "label_model",
    "name": "mood",
    "model": MODEL,
    "input": [{"role": "user", "content": "Label {{ sample.output_text }}"}],
    "labels": ["good", "bad"],
    "passing_labels": ["good"],
}
NO_ERRORS = {
    "formula_parse_error": False,
    "sample_parse_error": False,
    "truncated_observation_error": False,
    "unresponsive_reward_error": False,
    "invalid_variable_error": False,
    "other_error": False,
    "python_grader_server_error": False,
    "python_grader_server_error_type": None,
    "python_grader_runtime_error": False,
    "python_grader_runtime_error_details": None,
    "model_grader_server_error": False,
    "model_grader_refusal_error": False,
    "model_grader_parse_error": False,
    "model_grader_server_error_details": None,
}


def run(client: openai.OpenAI, grader: Any, sample: str, item: Any = None, **also: Any) -> Any:
    """Try a grader out and give the answer as JSON."""
    given = {} if item is None else {"item": item}
    graders = client.fine_tuning.alpha.graders.with_raw_response
    return raw(graders.run(grader=grader, model_sample=sample, **given, **also))


def test_a_grader_without_a_model_gives_its_score_and_every_field(client: openai.OpenAI) -> None:
    answer = run(client, EXACT, "Paris", {"answer": "Paris"})

    time = answer["metadata"].pop("execution_time")
    assert 0 <= time < 60
    assert answer == {
        "reward": 1.0,
        "metadata": {
            "name": "exact",
            "type": "string_check",
            "errors": NO_ERRORS,
            "scores": {},
            "token_usage": None,
            "sampled_model_name": None,
        },
        "sub_rewards": {},
        "model_grader_token_usage_per_model": {},
        "evald": {"sample": None, "error": None},
    }


def test_a_client_reads_the_answer_as_its_types(client: openai.OpenAI) -> None:
    ran = client.fine_tuning.alpha.graders.run(
        grader=EXACT,  # type: ignore[arg-type]
        model_sample="Paris",
        item={"answer": "Rome"},
    )
    valid = client.fine_tuning.alpha.graders.validate(grader=EXACT)  # type: ignore[arg-type]

    assert (ran.reward, ran.metadata.name, ran.sub_rewards) == (0.0, "exact", {})
    assert (ran.metadata.errors.other_error, ran.metadata.token_usage) == (False, None)
    assert valid.grader is not None
    assert valid.grader.type == "string_check"


def test_a_judge_gives_its_score_and_what_it_cost(
    client: openai.OpenAI, models: ModelServer
) -> None:
    models.script(Step(text='{"steps": [], "result": 12}', answers_as="judge-2026"))

    answer = run(client, SCORE, "a song", {"topic": "rain"})

    tokens = {
        "prompt_tokens": 5,
        "completion_tokens": 4,
        "total_tokens": 9,
        "cached_tokens": 0,
    }
    assert models.stats().calls_by_message == {"Score a song of rain": 1}
    assert (answer["reward"], answer["evald"]["clamped"]) == (10.0, True)
    assert answer["metadata"]["errors"] == NO_ERRORS
    assert answer["metadata"]["token_usage"] == tokens
    assert answer["metadata"]["sampled_model_name"] == "judge-2026"
    assert answer["model_grader_token_usage_per_model"] == {"judge-2026": tokens}
    assert answer["evald"]["sample"]["output"][0]["content"] == '{"steps": [], "result": 12}'


@pytest.mark.parametrize(("label", "reward"), [("good", 1.0), ("bad", 0.0)])
def test_a_label_is_a_reward_of_one_or_nothing(
    client: openai.OpenAI, models: ModelServer, label: str, reward: float
) -> None:
    models.script(Step(text=f'{{"steps": [], "result": "{label}"}}'))

    answer = run(client, LABEL, "a song")

    assert (answer["reward"], answer["evald"]["label"]) == (reward, label)


def test_a_formula_gives_the_rewards_of_its_parts_and_the_cost_of_all_judges(
    client: openai.OpenAI, models: ModelServer
) -> None:
    models.script_rules(
        Rule([Step(text='{"result": 5}', answers_as="one")], contains="Score"),
        Rule([Step(text='{"result": "good"}', answers_as="two")], contains="Label"),
    )
    parts = {"quality": SCORE, "mood": LABEL, "exact": EXACT}
    grader = {**MULTI, "graders": parts, "calculate_output": "quality / 10 + mood + exact"}

    answer = run(client, grader, "a", {"topic": "b", "answer": "c"})

    assert answer["reward"] == 1.5
    assert answer["sub_rewards"] == {"quality": 5.0, "mood": 1.0, "exact": 0.0}
    per_model = answer["model_grader_token_usage_per_model"]
    assert per_model.keys() == {"one", "two"}
    total = sum(usage["total_tokens"] for usage in per_model.values())
    assert answer["metadata"]["token_usage"]["total_tokens"] == total
    assert answer["metadata"]["sampled_model_name"] is None
    assert answer["evald"]["sub_results"]["mood"]["label"] == "good"


def test_a_sample_that_is_json_can_be_looked_into(client: openai.OpenAI) -> None:
    grader = {**EXACT, "input": "{{ sample.output_json.city }} {{ sample.output_text }}"}
    sample = '{"city": "Rome"}'

    answer = run(client, grader, sample, {"answer": f"Rome {sample}"})

    assert (answer["reward"], answer["metadata"]["errors"]) == (1.0, NO_ERRORS)


def test_the_reference_answer_of_older_clients_is_in_the_item(client: openai.OpenAI) -> None:
    grader = {**SIMILAR, "reference": "{{ item.reference_answer }}"}

    old = run(client, grader, "fuzzy", extra_body={"reference_answer": "fuzzy"})
    both = run(client, grader, "a", {"reference_answer": "a"}, extra_body={"reference_answer": "b"})

    assert [each["reward"] for each in (old, both)] == [1.0, 1.0]


@pytest.mark.parametrize("prefix", ["/v1", "", "/openai/v1"])
@pytest.mark.parametrize("room", ["/fine_tuning/alpha/graders", "/graders"])
def test_both_paths_are_there_under_every_prefix(
    server: EvaldServer, prefix: str, room: str
) -> None:
    body = {"grader": {**EXACT, "reference": "a"}, "model_sample": "a"}

    run = server.ask("POST", f"{prefix}{room}/run", body)
    validate = server.ask("POST", f"{prefix}{room}/validate", body)

    assert (run.status, run.json["reward"]) == (200, 1.0)
    assert (validate.status, validate.json) == (200, {"grader": body["grader"]})


def validate(client: openai.OpenAI, grader: Any) -> Any:
    """Have a grader validated and give it as JSON."""
    return raw(client.fine_tuning.alpha.graders.with_raw_response.validate(grader=grader))["grader"]


@pytest.mark.parametrize("grader", [EXACT, SIMILAR, MULTI], ids=lambda each: str(each["type"]))
def test_a_grader_in_its_full_form_comes_back_as_it_was(client: openai.OpenAI, grader: Any) -> None:
    assert validate(client, grader) == grader


def test_a_grader_comes_back_as_an_eval_shows_it(
    client: openai.OpenAI, server: EvaldServer
) -> None:
    short = {**EXACT, "operation": "neq", "unknown": 1}
    graders: list[Any] = [
        SCORE,
        LABEL,
        short,
        {**MULTI, "graders": [EXACT, {**SIMILAR, "name": "so so"}], "calculate_output": "so_so"},
    ]
    shown = server.ask("GET", f"/v1/evals/{new_eval(client, *graders).id}").json

    for grader, kept in zip(graders, shown["testing_criteria"], strict=True):
        assert validate(client, grader) == {key: kept[key] for key in kept if key != "id"}


def test_names_may_be_left_out(client: openai.OpenAI) -> None:
    nameless = {key: value for key, value in EXACT.items() if key != "name"}
    grader = {"type": "multi", "graders": {"a": nameless}, "calculate_output": "a"}

    validated = validate(client, grader)
    answer = run(client, grader, "x", {"answer": "x"})

    assert (validated["name"], validated["graders"]["a"]["name"]) == ("Untitled grader", "a")
    assert (answer["reward"], answer["metadata"]["name"]) == (1.0, "Untitled grader")


WRONG = {"type": "python", "name": "exact", "source": "def grade(sample, item): return 1 +"}
ALONE = {**MULTI, "calculate_output": "exact"}
BAD: list[tuple[Any, str, str]] = [
    # grader, the place, what is said
    ({}, "grader.type", "Missing required parameter"),
    ({"type": "beauty"}, "grader.type", "Unknown type 'beauty'"),
    ({"type": "python"}, "grader.source", "Missing required parameter"),
    (
        {"type": "python", "source": "x"},
        "grader.source",
        "defines no function `grade(sample, item)`",
    ),
    (
        {**ALONE, "graders": {"exact": WRONG}},
        "grader.graders.exact.source",
        "line 1: invalid syntax",
    ),
    ({**ALONE, "graders": [WRONG]}, "grader.graders[0].source", "line 1: invalid syntax"),
    ({**ALONE, "graders": WRONG}, "grader.graders.source", "line 1: invalid syntax"),
    ({**EXACT, "operation": "is"}, "grader.operation", "'eq'"),
    ({**EXACT, "input": 1}, "grader.input", "expected a string"),
    ({**SIMILAR, "evaluation_metric": "beauty"}, "grader.evaluation_metric", "'bleu'"),
    ({**SIMILAR, "pass_threshold": 2}, "grader.pass_threshold", "outside the range"),
    ({**LABEL, "labels": []}, "grader.labels", "expected at least 1 element, not 0."),
    ({**LABEL, "passing_labels": ["best"]}, "grader.passing_labels", "none of the labels"),
    ({**SCORE, "range": [1, 0]}, "grader.range", "not below"),
    ({**SCORE, "pass_threshold": 11}, "grader.pass_threshold", "outside the range"),
    ({**SCORE, "input": [{"content": "a"}]}, "grader.input[0].role", "Missing"),
    ({**MULTI, "graders": {}}, "grader.graders", "expected at least 1 key, not 0."),
    ({**SCORE, "range": [0, 1, 2]}, "grader.range", "expected at most 2 elements, not 3."),
    ({**MULTI, "graders": {"a": MULTI}}, "grader.graders.a.type", "Unknown type 'multi'"),
    ({**MULTI, "graders": {"a": {**EXACT, "input": None}}}, "grader.graders.a.input", "a string"),
]


@pytest.mark.parametrize(("grader", "param", "says"), BAD)
def test_a_grader_that_cannot_work_is_refused_by_its_place(
    client: openai.OpenAI, grader: Any, param: str, says: str
) -> None:
    for ask in (validate, lambda client, grader: run(client, grader, "a")):
        with pytest.raises(openai.BadRequestError) as refused:
            ask(client, grader)

        assert refused.value.param == param
        assert says in refused.value.message


def test_a_formula_that_cannot_be_read_is_refused_by_its_character(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        validate(client, {**MULTI, "calculate_output": "exact + tone"})

    assert refused.value.param == "grader.calculate_output"
    assert "at character 9: unknown name 'tone'" in refused.value.message


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"grader": EXACT}, "model_sample"),
        ({"model_sample": "a"}, "grader"),
        ({"grader": EXACT, "model_sample": {"a": 1}}, "model_sample"),
        ({"grader": EXACT, "model_sample": "a", "item": "b"}, "item"),
        ({"grader": "exact", "model_sample": "a"}, "grader"),
    ],
)
def test_a_request_that_is_none_is_refused_by_its_place(
    server: EvaldServer, body: Any, param: str
) -> None:
    answer = server.ask("POST", "/v1/fine_tuning/alpha/graders/run", body)

    assert (answer.status, answer.json["error"]["param"]) == (400, param)
