"""The graders of this version, through the API (contract 6.2, 6.3, 6.10)."""

from typing import Any

import openai
import pytest

from tests.contract.making import EXACT, SIMILAR, completed, items_of, jsonl, new_eval, row

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


CAT = ("The cat sat on the mat.", "The cat is on the mat.")
CAR = ("The men bought a fast car.", "A man buys the quick auto.")
SHORT = ("Yes.", "yes!")
SAME = ("Not now", "Not now")
# what each metric gives for the four pairs: of nltk 3.9.1, rouge-score 0.1.2 and rapidfuzz, and of
# the letters that the model server counts
SCORES = {
    "fuzzy_match": (0.9302, 0.494, 1.0, 1.0),
    "bleu": (0.4889, 0.033, 0.0, 1.0),
    "gleu": (0.5909, 0.0455, 0.0, 1.0),
    "meteor": (0.8413, 0.9067, 0.25, 1.0),
    "rouge_1": (0.8333, 0.3333, 1.0, 1.0),
    "rouge_2": (0.6, 0.0, 1.0, 1.0),
    "rouge_3": (0.25, 0.0, 1.0, 1.0),
    "rouge_4": (0.0, 0.0, 1.0, 1.0),
    "rouge_5": (0.0, 0.0, 1.0, 1.0),
    "rouge_l": (0.8333, 0.1667, 1.0, 1.0),
    "cosine": (0.984, 0.9015, 1.0, 1.0),
}


@pytest.mark.parametrize("metric", SCORES)
def test_a_metric_scores_rows_and_its_threshold_decides(client: openai.OpenAI, metric: str) -> None:
    criterion = {**_similar(0.5), "evaluation_metric": metric}

    items = _graded(client, criterion, CAT, CAR, SHORT, SAME)

    scores = [item.results[0].score for item in items]
    assert scores == pytest.approx(SCORES[metric], abs=0.0001)
    assert [item.results[0].passed for item in items] == [score >= 0.5 for score in scores]
    assert [item.results[0].sample for item in items] == [None] * 4


def test_many_metrics_may_test_one_eval(client: openai.OpenAI) -> None:
    criteria = [{**_similar(0), "evaluation_metric": metric, "name": metric} for metric in SCORES]
    created = new_eval(client, *criteria)

    run = completed(client, created.id, jsonl(row(*CAT)))

    (item,) = items_of(client, run)
    first = pytest.approx([scores[0] for scores in SCORES.values()], abs=0.0001)
    assert [result.score for result in item.results] == first
    assert item.status == "pass"


@pytest.mark.parametrize("metric", ["bleu", "meteor", "rouge_1", "rouge_l"])
def test_long_texts_are_scored_and_still_longer_ones_are_errors(
    client: openai.OpenAI, metric: str
) -> None:
    long, too_long = "one two " * 10_000, "one two " * 100_000
    criterion = {**_similar(0), "evaluation_metric": metric}

    scored, refused = _graded(client, criterion, (long, "one two"), (too_long, too_long + "x"))

    assert 0 <= scored.results[0].score < 0.1
    assert scored.status == "pass"
    assert refused.status == "error"
    assert refused.results[0].to_dict()["error"]["code"] == "text_too_long"


@pytest.mark.parametrize("metric", ["beauty", "ROUGE_1", "rouge_6", ""])
def test_an_unknown_metric_is_refused_and_the_known_ones_are_named(
    client: openai.OpenAI, metric: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        new_eval(client, {**SIMILAR, "evaluation_metric": metric})

    assert refused.value.param == "testing_criteria[0].evaluation_metric"
    assert [known for known in SCORES if f"'{known}'" not in refused.value.message] == []


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


@pytest.mark.parametrize("threshold", [-1, 2])
def test_a_threshold_outside_of_the_similarities_is_refused_by_its_place(
    client: openai.OpenAI, threshold: float
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        new_eval(client, {**SIMILAR, "pass_threshold": threshold})

    assert refused.value.param == "testing_criteria[0].pass_threshold"


@pytest.mark.parametrize("threshold", [0, 1, 0.5])
def test_a_threshold_comes_back_as_the_number_that_it_was(
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
