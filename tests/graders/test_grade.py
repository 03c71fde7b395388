"""Grades, the registry of graders, and a long comparison in another process."""

from collections.abc import AsyncIterator
from functools import partial

import pytest

from evald.errors import GraderFailed
from evald.graders.interface import Aside, Grade, GraderTools
from evald.graders.metrics.wordnet import found_wordnet
from evald.graders.registry import grader_for
from evald.rules.similarity import fuzzy_match
from evald.sandbox.aside import ProcessAside
from tests.graders.criteria import (
    label_criterion,
    score_criterion,
    seen,
    similarity_criterion,
    string_criterion,
)
from tests.graders.judging import Judging, verdict


@pytest.fixture
async def aside() -> AsyncIterator[Aside]:
    aside = ProcessAside()
    yield partial(aside, "a run")
    await aside.close()


@pytest.mark.parametrize(
    ("grade", "outcome"),
    [
        (Grade(passed=True, score=1.0), "passed"),
        (Grade(passed=False, score=0.9), "failed"),
        (Grade(passed=False, score=0.0, error={"code": "x", "message": "y"}), "errored"),
        (Grade(passed=True, score=1.0, error={"code": "x", "message": "y"}), "errored"),
    ],
)
def test_a_grade_with_an_error_is_neither_passed_nor_failed(grade: Grade, outcome: str) -> None:
    assert grade.outcome == outcome


def test_a_grader_that_broke_carries_its_reason_and_no_score() -> None:
    broke = GraderFailed("judge_unparsable", "The judge wrote no JSON.")

    assert Grade.errored(broke) == Grade(
        passed=False,
        score=0.0,
        error={"code": "judge_unparsable", "message": "The judge wrote no JSON."},
    )


async def test_every_type_of_criterion_has_its_grader(aside: Aside) -> None:
    equal = seen("billing", "billing")
    tools = GraderTools(aside, Judging(verdict("good")).ask)
    scored = GraderTools(aside, Judging(verdict(1)).ask)

    assert (await grader_for(string_criterion("eq"), tools)(equal)).passed
    assert (await grader_for(similarity_criterion(), tools)(equal)).passed
    assert (await grader_for(label_criterion(), tools)(equal)).passed
    assert (await grader_for(score_criterion(), scored)(equal)).passed


async def test_a_long_comparison_in_another_process_gives_the_same_score(aside: Aside) -> None:
    text, reference = "the quick brown fox " * 40, "the lazy dog " * 40
    grader = grader_for(similarity_criterion(), GraderTools(aside, Judging().ask))

    assert (await grader(seen(text, reference))).score == fuzzy_match(text, reference)


async def test_a_metric_that_fails_in_the_other_process_still_says_why(aside: Aside) -> None:
    with pytest.raises(GraderFailed, match="needs the WordNet database") as failed:
        await aside(found_wordnet, ())

    assert failed.value.code == "wordnet_missing"
