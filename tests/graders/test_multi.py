"""The `multi` grader: a formula over the scores of its parts, and never one over an error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.contract.graders import (
    AnyCriterion,
    Multi,
    judge_models_of,
    kept_criterion,
    kept_to_criterion,
)
from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.validation import read_request
from evald.errors import BadRequest, GraderFailed
from evald.graders.interface import Grade, Grader, GraderTools
from evald.graders.multi import formula_of, multi
from evald.graders.registry import grader_for
from evald.rules.formula import BadFormula
from evald.rules.template import Namespaces
from tests.graders.criteria import label_criterion, multi_criterion, part, score_criterion, seen
from tests.graders.judging import Judging, verdict
from tests.graders.test_text_similarity import Recorder

BOTH: JsonObject = {"exact": part(), "close": part("fuzzy_match")}
SCORES = st.floats(-1e6, 1e6)


def scored(*scores: float) -> list[Grader]:
    """Give a grader for each score, with that score."""

    def grader_of(score: float) -> Grader:
        async def grade(namespaces: Namespaces) -> Grade:
            return Grade(passed=True, score=score)

        return grade

    return [grader_of(score) for score in scores]


async def grade(criterion: Multi, text: str, reference: str) -> Grade:
    return await grader_for(criterion, GraderTools(Recorder(), Judging().ask))(
        seen(text, reference)
    )


async def test_the_score_is_the_formulas_value_and_each_part_is_shown() -> None:
    criterion = multi_criterion("0.5 * exact + 0.5 * close", BOTH)

    graded = await grade(criterion, "Billing", "billing")

    assert graded == Grade(
        passed=True,
        score=0.5,
        extras={
            "sub_results": {
                "exact": {"type": "string_check", "score": 0.0, "sample": None},
                "close": {"type": "text_similarity", "score": 1.0, "sample": None},
            }
        },
    )


@given(SCORES, SCORES)
async def test_any_scores_of_the_parts_go_into_the_formula(first: float, second: float) -> None:
    criterion = multi_criterion("exact - 2 * close", BOTH)

    graded = await multi(criterion, dict(zip(BOTH, scored(first, second), strict=True)))({})

    assert graded.score == first - 2 * second
    assert graded.passed == (first - 2 * second >= 0.5)


@pytest.mark.parametrize(
    ("threshold", "passes"),
    [(None, True), (0.5, True), (0.5000001, False), (-3, True), (0, True), (7, False)],
)
async def test_a_row_passes_from_the_threshold_on_and_from_one_half_without_one(
    threshold: float | None, passes: bool
) -> None:
    given_threshold: JsonObject = {} if threshold is None else {"pass_threshold": threshold}
    criterion = multi_criterion("close / 2", BOTH, **given_threshold)

    assert (await grade(criterion, "billing", "billing")).passed == passes


FORMS: dict[str, tuple[JsonValue, str]] = {
    "a map": ({"a_b": part(name="other")}, "a_b"),
    "an array": ([part(name="a b"), part(name="c")], "a_b * c"),
    "a single grader": (part(name="a b"), "a_b"),
}


@pytest.mark.parametrize(("graders", "formula"), FORMS.values(), ids=FORMS)
async def test_graders_may_be_a_map_an_array_or_a_single_one(
    graders: JsonValue, formula: str
) -> None:
    criterion = multi_criterion(formula, graders)

    assert (await grade(criterion, "billing", "billing")).score == 1.0


@pytest.mark.parametrize(("graders", "formula"), FORMS.values(), ids=FORMS)
def test_the_kept_form_is_a_map_and_gives_the_same_parts(graders: JsonValue, formula: str) -> None:
    criterion = multi_criterion(formula, graders, pass_threshold=0.25)

    kept = kept_criterion(criterion, "both-1")

    parts = kept["graders"]
    assert isinstance(parts, dict)
    assert list(parts) == list(criterion.parts)
    again = kept_to_criterion(kept)
    assert isinstance(again, Multi)
    assert (again.parts, again.pass_threshold) == (criterion.parts, 0.25)


async def test_a_part_that_breaks_makes_an_error_and_no_score_even_where_it_is_not_used() -> None:
    criterion = multi_criterion("exact", BOTH, pass_threshold=0)

    graded = await grade(criterion, "a" * 10_000, "b" * 10_000)

    assert (graded.outcome, graded.passed, graded.score) == ("errored", False, 0.0)
    assert graded.error is not None
    assert graded.error["code"] == "part_failed"
    assert str(graded.error["message"]).startswith("The grader 'close' gave no score: Texts of")
    parts = graded.extras["sub_results"]
    assert isinstance(parts, dict)
    assert parts["exact"] == {"type": "string_check", "score": 0.0, "sample": None}
    assert isinstance(parts["close"], dict)
    assert parts["close"]["error"] == {
        "code": "text_too_long",
        "message": str(graded.error["message"]).partition("gave no score: ")[2],
    }


async def test_a_part_with_an_errored_grade_counts_as_one_that_broke() -> None:
    async def broken(namespaces: Namespaces) -> Grade:
        return Grade.errored(GraderFailed("judge_refused", "It refused."))

    criterion = multi_criterion("max(exact, close)", BOTH)

    graded = await multi(criterion, {"exact": scored(1.0)[0], "close": broken})({})

    assert graded.error == {
        "code": "part_failed",
        "message": "The grader 'close' gave no score: It refused.",
    }


JUDGED: JsonObject = {
    "exact": part(),
    "tone": label_criterion().model_dump(exclude_unset=True),
    "facts": score_criterion(range=[1, 7]).model_dump(exclude_unset=True),
}


async def judged(judging: Judging) -> Grade:
    criterion = multi_criterion("exact + tone + facts / 7", JUDGED)
    return await grader_for(criterion, judging.tools())(seen("billing", "billing"))


async def test_judges_score_as_parts_and_all_their_calls_are_counted() -> None:
    graded = await judged(Judging(verdict("good"), verdict(9)))

    assert (graded.outcome, graded.score) == ("passed", 3.0)
    assert [use.model_name for use in graded.usage] == ["judge-2026"] * 2
    parts = graded.extras["sub_results"]
    assert isinstance(parts, dict)
    tone, facts = parts["tone"], parts["facts"]
    assert isinstance(tone, dict)
    assert isinstance(facts, dict)
    assert (tone["type"], tone["score"], tone["label"]) == ("label_model", 1.0, "good")
    assert (facts["type"], facts["score"], facts["clamped"]) == ("score_model", 7.0, True)
    assert isinstance(facts["sample"], dict)


async def test_a_judge_without_a_verdict_makes_an_error_and_all_calls_are_counted() -> None:
    graded = await judged(Judging(verdict("good"), verdict("seven")))

    assert (graded.outcome, graded.score) == ("errored", 0.0)
    assert graded.error is not None
    assert graded.error["code"] == "part_failed"
    assert str(graded.error["message"]).startswith("The grader 'facts' gave no score: ")
    assert sum(use.invocation_count for use in graded.usage) == 3  # one asked once more


def test_a_judge_is_kept_as_a_part_as_it_is_alone_and_its_model_is_known_by_its_place() -> None:
    criterion = multi_criterion("tone", JUDGED)

    kept = kept_criterion(criterion, "both-1")

    alone: dict[str, AnyCriterion] = {
        "tone": label_criterion(),
        "facts": score_criterion(range=[1, 7]),
    }
    parts = kept["graders"]
    assert isinstance(parts, dict)
    for key, judge in alone.items():
        part_kept = parts[key]
        assert isinstance(part_kept, dict)
        assert {**part_kept, "id": "x"} == kept_criterion(judge, "x")
    assert kept_criterion(kept_to_criterion(kept), "both-1") == kept
    assert judge_models_of(kept) == {"graders.tone.model": "judge", "graders.facts.model": "judge"}


@pytest.mark.parametrize(
    ("formula", "why"),
    [
        ("1 / exact", "1.0 / 0.0 divides by zero"),
        ("log(exact)", "log(0.0) has no real value"),
        ("sqrt(exact - 1)", "sqrt(-1.0) has no real value"),
        ("exp(1000 + exact)", "exp(1000.0) is too large"),
    ],
)
async def test_a_formula_without_a_value_is_an_error_that_names_the_operation(
    formula: str, why: str
) -> None:
    graded = await grade(multi_criterion(formula, BOTH), "Billing", "billing")

    assert graded.outcome == "errored"
    assert graded.error == {
        "code": "formula_failed",
        "message": f"The formula has no value: {why}.",
    }
    assert "sub_results" in graded.extras


@pytest.mark.parametrize(
    ("formula", "why"),
    [
        ("", "it is empty"),
        ("exact +", "at character 8: a value is expected, not the end"),
        ("exact + other", "at character 9: unknown name 'other'; there are exact, close"),
        ("mean(exact, close)", "at character 1: unknown function 'mean'"),
        ("exact.real", "at character 6"),
        ("__import__('os')", "at character 1: unknown function '__import__'"),
    ],
)
def test_a_formula_that_cannot_be_read_is_refused_with_the_reason(formula: str, why: str) -> None:
    with pytest.raises(BadFormula) as refused:
        formula_of(multi_criterion(formula, BOTH))

    assert str(refused.value).startswith(why)


def without_type(body: JsonObject) -> JsonObject:
    return {key: value for key, value in body.items() if key != "type"}


@pytest.mark.parametrize(
    ("graders", "param"),
    [
        ({}, "graders"),
        ([], "graders"),
        (5, "graders"),
        (None, "graders"),
        ({"a": 5}, "graders.a"),
        ({"a": part(operation="equals")}, "graders.a.operation"),
        ({"a": without_type(part())}, "graders.a.type"),
        ({"string_check": part(input=5)}, "graders.string_check.input"),
        ([part(), part(input=5)], "graders[1].input"),
        ([part(name="a b"), part(name="a_b")], "graders"),
        (part("beauty"), "graders.evaluation_metric"),
        ({"a": {"type": "multi", "graders": BOTH, "calculate_output": "1"}}, "graders.a.type"),
        ({"a": {"type": "nothing"}}, "graders.a.type"),
        ({"a": part("bleu", pass_threshold="x")}, "graders.a.pass_threshold"),
        ({str(number): part() for number in range(101)}, "graders"),
        ({"a\x00": part()}, "graders"),
        ({"a": score_criterion().model_dump() | {"range": [7, 1]}}, "graders.a.range"),
        ([label_criterion().model_dump() | {"labels": []}], "graders[0].labels"),
    ],
)
def test_graders_that_cannot_work_are_refused_by_their_place(
    graders: JsonValue, param: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        multi_criterion("1", graders)

    assert refused.value.param == param


@pytest.mark.parametrize("graders", [{"a": part("bleu")}, {"a": part("bleu", pass_threshold=0.9)}])
def test_a_part_is_kept_with_or_without_a_threshold_as_it_came(graders: JsonObject) -> None:
    kept = kept_criterion(multi_criterion("a", graders), "both-1")

    assert kept["graders"] == graders


def test_a_multi_needs_its_graders_and_its_formula() -> None:
    body: JsonObject = {"type": "multi", "name": "m", "graders": BOTH, "calculate_output": "exact"}

    for key in body:
        with pytest.raises(BadRequest) as refused:
            read_request(Multi, {name: value for name, value in body.items() if name != key})
        assert (refused.value.param, refused.value.code) == (key, "missing_required_parameter")
