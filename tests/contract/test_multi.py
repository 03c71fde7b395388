"""The `multi` grader, through the API (contract 6.7)."""

from typing import Any

import openai
import pytest

from tests.contract.making import (
    EXACT,
    MULTI,
    completed,
    completions,
    items_of,
    jsonl,
    new_eval,
    raw,
    row,
)

LETTERS = [{**EXACT, "name": "first"}, {**EXACT, "name": "the second"}]


def test_a_formula_over_two_graders_decides_each_row(client: openai.OpenAI) -> None:
    created = new_eval(client, {**MULTI, "pass_threshold": 0.75})

    run = completed(client, created.id, completions(row("a"), row("Paris", "paris"), row("x", "y")))

    results = [item.to_dict()["results"][0] for item in items_of(client, run)]
    assert [result["score"] for result in results] == [1.0, 0.75, 0.0]
    assert [result["passed"] for result in results] == [True, True, False]
    assert (run.result_counts.passed, run.result_counts.failed) == (2, 1)
    assert results[1] == {
        "name": created.testing_criteria[0].id,
        "type": "multi",
        "passed": True,
        "score": 0.75,
        "sample": None,
        "sub_results": {
            "exact": {"type": "string_check", "score": 0.0, "sample": None},
            "close": {"type": "text_similarity", "score": 1.0, "sample": None},
        },
    }


@pytest.mark.parametrize(
    ("graders", "formula"),
    [
        (MULTI["graders"], "(exact + close) / 2"),
        (LETTERS, "min(first, the_second)"),
        ({**EXACT, "name": "the only"}, "the_only ^ 2"),
    ],
    ids=["a map", "an array", "a single grader"],
)
def test_an_eval_shows_the_graders_as_a_map_and_its_run_uses_them(
    client: openai.OpenAI, graders: Any, formula: str
) -> None:
    created = new_eval(client, {**MULTI, "graders": graders, "calculate_output": formula})

    run = completed(client, created.id, completions(row("a")))

    shown = raw(client.evals.with_raw_response.retrieve(created.id))["testing_criteria"][0]
    assert shown["calculate_output"] == formula
    assert next(iter(shown["graders"].values()))["type"] == "string_check"
    assert run.result_counts.passed == 1


def test_without_a_threshold_a_row_passes_from_one_half_on(client: openai.OpenAI) -> None:
    created = new_eval(client, {**MULTI, "calculate_output": "exact / 2"})

    run = completed(client, created.id, completions(row("a"), row("a", "b")))

    assert [item.status for item in items_of(client, run)] == ["pass", "fail"]


def test_a_part_that_breaks_makes_the_row_an_error_beside_rows_with_scores(
    client: openai.OpenAI,
) -> None:
    meant = {"input": "{{ item.question }}", "reference": "{{ item.answer }}"}
    graders = {key: {**part, **meant} for key, part in MULTI["graders"].items()}
    created = new_eval(client, {**MULTI, "graders": graders, "pass_threshold": -1})

    run = completed(client, created.id, jsonl(row("a"), row("a" * 10_000, "b" * 10_000)))

    scored, broken = items_of(client, run)
    assert (scored.status, broken.status) == ("pass", "error")
    (result,) = broken.to_dict()["results"]
    assert (result["passed"], result["score"]) == (False, 0.0)
    assert result["error"]["code"] == "part_failed"
    assert result["sub_results"]["close"]["error"]["code"] == "text_too_long"
    assert "error" not in result["sub_results"]["exact"]
    assert (run.result_counts.passed, run.result_counts.errored) == (1, 1)


def test_a_formula_without_a_value_makes_the_row_an_error(client: openai.OpenAI) -> None:
    created = new_eval(client, {**MULTI, "calculate_output": "1 / exact"})

    run = completed(client, created.id, completions(row("a"), row("a", "b")))

    assert [item.status for item in items_of(client, run)] == ["pass", "error"]
    (result,) = items_of(client, run)[1].to_dict()["results"]
    assert result["error"] == {
        "code": "formula_failed",
        "message": "The formula has no value: 1.0 / 0.0 divides by zero.",
    }


@pytest.mark.parametrize(
    ("changes", "param", "says"),
    [
        ({"calculate_output": "exact + tone"}, "calculate_output", "unknown name 'tone'"),
        ({"calculate_output": "mean(exact)"}, "calculate_output", "unknown function 'mean'"),
        ({"calculate_output": "exact +"}, "calculate_output", "a value is expected"),
        ({"calculate_output": "("}, "calculate_output", "a value is expected"),
        ({"calculate_output": ""}, "calculate_output", "it is empty"),
        ({"calculate_output": "exact" + "+1" * 50_000}, "calculate_output", "has at most 4096"),
        ({"calculate_output": 1}, "calculate_output", "expected a string"),
        ({"graders": {}}, "graders", "at least 1"),
        ({"graders": {"a": MULTI}}, "graders.a.type", "Unknown type 'multi'"),
        ({"graders": {"a": {**EXACT, "operation": "is"}}}, "graders.a.operation", "'eq'"),
        ({"graders": [EXACT, EXACT]}, "graders", "two graders have the name 'exact'"),
        ({"pass_threshold": "high"}, "pass_threshold", "expected a number"),
    ],
)
def test_what_cannot_work_is_refused_when_the_eval_is_made(
    client: openai.OpenAI, changes: Any, param: str, says: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        new_eval(client, EXACT, {**MULTI, **changes})

    assert refused.value.param == f"testing_criteria[1].{param}"
    assert says in refused.value.message


@pytest.mark.parametrize("formula", ["9^9^9^9^9", "exp(exp(exp(9)))", "9" * 300 + "*9e99"])
def test_a_formula_made_to_take_for_ever_ends_as_an_error(
    client: openai.OpenAI, formula: str
) -> None:
    created = new_eval(client, {**MULTI, "calculate_output": formula})

    run = completed(client, created.id, completions(row("a")))

    assert [item.status for item in items_of(client, run)] == ["error"]
