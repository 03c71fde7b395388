"""Criteria that ask a model: what is accepted, how it is kept, how the rest is refused."""

from typing import Any

import pytest

from evald.contract.evals import CreateEval
from evald.contract.graders import judge_models_of, kept_criterion, kept_to_criterion
from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.validation import read_request
from tests.contract_models.bodies import STRING_CHECK, criterion_body, eval_body, refusal, without

MISSING = "missing_required_parameter"
TYPE = "invalid_type"
VALUE = "invalid_value"

LABEL: JsonObject = {
    "type": "label_model",
    "name": "Mood",
    "model": "judge",
    "input": [{"role": "user", "content": "Which mood? {{ sample.output_text }}"}],
    "labels": ["good", "bad"],
    "passing_labels": ["good"],
}
SCORE: JsonObject = {
    "type": "score_model",
    "name": "Quality",
    "model": "judge",
    "input": [{"role": "user", "content": "How good? {{ sample.output_text }}"}],
}
KEPT_INPUT: JsonValue = [
    {
        "type": "message",
        "role": "user",
        "content": {"type": "input_text", "text": "Which mood? {{ sample.output_text }}"},
    }
]


def kept(criterion: JsonObject) -> JsonObject:
    body = eval_body(testing_criteria=[criterion])
    return kept_criterion(read_request(CreateEval, body).testing_criteria[0], "id-1")


def test_a_label_model_is_kept_with_its_messages_in_one_form_and_null_for_its_params() -> None:
    assert kept(LABEL) == {**LABEL, "input": KEPT_INPUT, "sampling_params": None, "id": "id-1"}


def test_a_score_model_is_kept_with_what_was_given_and_nothing_more() -> None:
    params: JsonObject = {"temperature": 0, "seed": None, "top_k": 5}
    given: JsonObject = {"range": [1, 7], "pass_threshold": 5.5, "sampling_params": params}

    assert kept(SCORE).keys() == SCORE.keys() | {"id"}
    assert {key: kept(SCORE | given)[key] for key in given} == given


@pytest.mark.parametrize("criterion", [LABEL, SCORE | {"range": [-1, 1], "sampling_params": {}}])
def test_a_kept_judge_is_read_back_as_it_was(criterion: JsonObject) -> None:
    again = kept_criterion(kept_to_criterion(kept(criterion)), "id-1")

    assert again == kept(criterion)
    assert judge_models_of(again) == {"model": "judge"}


def test_a_criterion_that_asks_no_model_has_no_judge() -> None:
    assert judge_models_of(kept(STRING_CHECK)) == {}


PARAMS: list[tuple[Any, str, str]] = [
    (5, "", TYPE),
    ([], "", TYPE),
    ({"temperature": "0"}, ".temperature", TYPE),
    ({"top_p": True}, ".top_p", TYPE),
    ({"seed": 1.5}, ".seed", TYPE),
    ({"reasoning_effort": 5}, ".reasoning_effort", TYPE),
    ({"max_completions_tokens": 0}, ".max_completions_tokens", VALUE),
    ({"max_tokens": "many"}, ".max_tokens", TYPE),
    ({"max_completion_tokens": -1}, ".max_completion_tokens", VALUE),
]


@pytest.mark.parametrize(("params", "place", "code"), PARAMS)
@pytest.mark.parametrize("criterion", [LABEL, SCORE])
def test_params_of_a_wrong_kind_are_refused_by_their_names(
    criterion: JsonObject, params: JsonValue, place: str, code: str
) -> None:
    refused = refusal(CreateEval, criterion_body(criterion | {"sampling_params": params}))

    assert refused[:2] == (f"testing_criteria[1].sampling_params{place}", code)


WRONG: list[tuple[JsonObject, str, str]] = [
    (without(LABEL, "model"), "model", MISSING),
    (LABEL | {"model": ""}, "model", VALUE),
    (LABEL | {"model": None}, "model", TYPE),
    (LABEL | {"model": "a\x00"}, "model", VALUE),
    (without(LABEL, "name"), "name", MISSING),
    (without(LABEL, "input"), "input", MISSING),
    (LABEL | {"input": "text"}, "input", TYPE),
    (LABEL | {"input": []}, "input", VALUE),
    (LABEL | {"input": [{"content": "x"}]}, "input[0].role", MISSING),
    (LABEL | {"input": [{"role": "user"}]}, "input[0].content", MISSING),
    (
        LABEL | {"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
        "input[0].content[0].image_url",
        MISSING,
    ),
    (without(LABEL, "labels"), "labels", MISSING),
    (LABEL | {"labels": []}, "labels", VALUE),
    (LABEL | {"labels": "good"}, "labels", TYPE),
    (LABEL | {"labels": ["good", ""]}, "labels[1]", VALUE),
    (LABEL | {"labels": ["good", 5]}, "labels[1]", TYPE),
    (LABEL | {"labels": ["good", "bad", "good"]}, "labels", VALUE),
    (LABEL | {"labels": ["fine", "bad"]}, "passing_labels", VALUE),
    (without(LABEL, "passing_labels"), "passing_labels", MISSING),
    (LABEL | {"passing_labels": []}, "passing_labels", VALUE),
    (LABEL | {"passing_labels": ["Good"]}, "passing_labels", VALUE),
    (LABEL | {"passing_labels": ["good", "good"]}, "passing_labels", VALUE),
    (without(SCORE, "model"), "model", MISSING),
    (SCORE | {"range": [0]}, "range", VALUE),
    (SCORE | {"range": [0, 1, 2]}, "range", VALUE),
    (SCORE | {"range": {"min": 0}}, "range", TYPE),
    (SCORE | {"range": [0, "1"]}, "range[1]", TYPE),
    (SCORE | {"range": [1, 0]}, "range", VALUE),
    (SCORE | {"range": [1, 1]}, "range", VALUE),
    (SCORE | {"pass_threshold": "high"}, "pass_threshold", TYPE),
    (SCORE | {"range": [0, 1], "pass_threshold": 1.5}, "pass_threshold", VALUE),
    (SCORE | {"range": [0, 1], "pass_threshold": -0.5}, "pass_threshold", VALUE),
    (SCORE | {"range": [1, 0], "pass_threshold": 5}, "range", VALUE),
]


@pytest.mark.parametrize(("criterion", "place", "code"), WRONG)
def test_a_judge_that_cannot_work_is_refused_by_the_place_of_the_fault(
    criterion: JsonObject, place: str, code: str
) -> None:
    refused = refusal(CreateEval, criterion_body(criterion))

    assert refused[:2] == (f"testing_criteria[1].{place}", code)


def test_a_refusal_of_labels_says_which_one() -> None:
    _, _, message = refusal(CreateEval, criterion_body(LABEL | {"passing_labels": ["great"]}))

    assert message.endswith("'great' is none of the labels.")


@pytest.mark.parametrize(
    "criterion",
    [
        LABEL | {"passing_labels": ["bad", "good"]},
        LABEL | {"sampling_params": {"temperature": 0}},
        SCORE | {"range": [0, 1], "pass_threshold": 0},
        SCORE | {"range": [0, 1], "pass_threshold": 1},
        SCORE | {"range": None, "pass_threshold": None, "sampling_params": None},
        SCORE | {"pass_threshold": 5.5},
        SCORE | {"image_tag": "2025-05-08"},
        SCORE | {"input": [{"role": "developer", "content": "{{ item.response}}}}"}]},
    ],
)
def test_a_judge_that_can_work_is_accepted(criterion: JsonObject) -> None:
    assert kept(criterion)["model"] == "judge"
