"""The graders of this version, through the API (contract 6.2, 6.3, 6.10)."""

from typing import Any

import openai
import pytest

from tests.contract.making import EXACT, SIMILAR, completed, items_of, jsonl, new_eval

# operation, text, reference, whether it holds
CHECKS = [
    ("eq", "Paris", "Paris", True),
    ("eq", "Paris", "paris", False),
    ("eq", "Paris ", "Paris", False),
    ("eq", "", "", True),
    ("ne", "Paris", "paris", True),
    ("ne", "Paris", "Paris", False),
    ("neq", "Paris", "Rome", True),
    ("like", "in Paris, now", "Paris", True),
    ("like", "in paris", "Paris", False),
    ("like", "Paris", "P%s", False),
    ("like", "100%", "%", True),
    ("like", "Paris", "", True),
    ("like", "Paris", "in Paris", False),
    ("ilike", "IN PARIS", "paris", True),
    ("ilike", "Rome", "paris", False),
    ("ilike", "STRASSE", "straße", True),
]


@pytest.mark.parametrize(("operation", "text", "reference", "holds"), CHECKS)
def test_string_check(
    client: openai.OpenAI, operation: str, text: str, reference: str, *, holds: bool
) -> None:
    criterion = {
        **EXACT,
        "operation": operation,
        "input": "{{ item.question }}",
        "reference": "{{ item.answer }}",
    }

    (item,) = _graded(client, criterion, (text, reference))

    (result,) = item.results
    assert (result.passed, result.score) == (holds, 1.0 if holds else 0.0)
    assert item.status == ("pass" if holds else "fail")


OTHER_METRICS = ["cosine", "bleu", "gleu", "meteor", "rouge_1", "rouge_l"]


@pytest.mark.parametrize("metric", OTHER_METRICS)
def test_a_metric_that_is_not_there_yet_is_refused_by_name(
    client: openai.OpenAI, metric: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        new_eval(client, {**SIMILAR, "evaluation_metric": metric})

    assert refused.value.param == "testing_criteria[0].evaluation_metric"
    assert "fuzzy_match" in refused.value.message


ALIKE = [
    ("the capital", "the capital", 1.0),
    ("", "", 1.0),
    ("The Capital!", "the capital", 1.0),
    ("", "red", 0.0),
    ("abc", "xyz", 0.0),
]


@pytest.mark.parametrize(("text", "reference", "score"), ALIKE)
def test_fuzzy_match_scores_from_0_to_1(
    client: openai.OpenAI, text: str, reference: str, score: float
) -> None:
    (item,) = _graded(client, _similar(1), (text, reference))

    assert item.results[0].score == score
    assert item.results[0].passed == (score >= 1)


def test_a_score_at_the_threshold_passes(client: openai.OpenAI) -> None:
    pair = ("abcd", "abcx")
    (item,) = _graded(client, _similar(0.5), pair)
    score = item.results[0].score

    (at,) = _graded(client, _similar(score), pair)
    (above,) = _graded(client, _similar(score + 1e-9), pair)

    assert (at.status, above.status) == ("pass", "fail")


@pytest.mark.parametrize("threshold", [0, 1, 2, -1, 0.5])
def test_any_number_is_a_threshold_and_comes_back_as_that_number(
    client: openai.OpenAI, threshold: float
) -> None:
    created = new_eval(client, {**SIMILAR, "pass_threshold": threshold})

    assert created.testing_criteria[0].pass_threshold == threshold


NOT_REFUSED = [
    "",
    "{{",
    "}}",
    "{{}}",
    "{{ }}",
    "{{sample.output_text}",
    "{ {item.x} }",
    "{{item}}",
    "{{ item. }}",
    "{{ item.question.deeper[0] }}",
    "{{ item.question | upper }}",
    "{% for x in item %}",
    "{{ self.__class__ }}",
    "{{item.response}}}}",
    "{{ item['question'] }}",
    "{{item.question[99999999999999999999]}}",
]


@pytest.mark.parametrize("text", NOT_REFUSED)
def test_no_template_is_refused_and_none_breaks_a_row(client: openai.OpenAI, text: str) -> None:
    criterion = {**EXACT, "input": text, "reference": text}

    (item,) = _graded(client, criterion, ("a", "b"))

    assert item.status == "pass"


HOSTILE = {
    "steps without an end": "{{item" + ".a " * 5_000,
    "blanks": "{{ item" + " " * 100_000,
    "open braces": "{{" * 50_000,
    "open brackets": "{{item" + "[" * 50_000,
    "indexes": "{{item" + "[0]" * 50_000 + "}}",
    "many references": "{{item.question}}" * 10_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_template_made_to_take_for_ever_does_not(client: openai.OpenAI, text: str) -> None:
    criterion = {**EXACT, "input": text, "reference": text}

    (item,) = _graded(client, criterion, ("a", "b"))

    assert item.status == "pass"


VALUES: dict[str, tuple[Any, str]] = {
    "object": ({"a": [1, "x"]}, '{"a":[1,"x"]}'),
    "list": ([1, None, True], "[1,null,true]"),
    "true": (True, "true"),
    "null": (None, ""),
    "whole": (10, "10"),
    "fraction": (1.0, "1.0"),
    "json in a string": ('{"a": 1}', '{"a": 1}'),
    "braces": ("{{ item.answer }}", "{{ item.answer }}"),
}


@pytest.mark.parametrize(("value", "text"), VALUES.values(), ids=VALUES)
def test_a_value_of_a_row_as_text(client: openai.OpenAI, value: Any, text: str) -> None:
    criterion = {**EXACT, "input": "{{ item.v }}", "reference": "{{ item.text }}"}
    created = new_eval(client, criterion, item_schema={})

    run = completed(client, created.id, jsonl({"item": {"v": value, "text": text}}))

    assert run.result_counts.passed == 1


def _similar(threshold: float) -> Any:
    inputs = {"input": "{{ item.question }}", "reference": "{{ item.answer }}"}
    return {**SIMILAR, **inputs, "pass_threshold": threshold}


def _graded(client: openai.OpenAI, criterion: Any, *pairs: tuple[str, str]) -> list[Any]:
    rows = [{"item": {"question": text, "answer": reference}} for text, reference in pairs]
    run = completed(client, new_eval(client, criterion).id, jsonl(*rows))
    return items_of(client, run)
