"""Grades, the registry of graders, and the process that long comparisons are made in."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool

import pytest

from evald.errors import GraderFailed
from evald.graders.interface import Grade
from evald.graders.metrics.fuzzy import fuzzy_match
from evald.graders.metrics.wordnet import found_wordnet
from evald.graders.registry import grader_for
from evald.sandbox.aside import ProcessAside
from tests.graders.criteria import seen, similarity_criterion, string_criterion


@pytest.fixture
def aside() -> Iterator[ProcessAside]:
    aside = ProcessAside()
    yield aside
    aside.close()


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


async def test_every_type_of_criterion_has_its_grader(aside: ProcessAside) -> None:
    equal = seen("billing", "billing")

    assert (await grader_for(string_criterion("eq"), aside)(equal)).passed
    assert (await grader_for(similarity_criterion(), aside)(equal)).passed


async def test_a_long_comparison_in_its_own_process_gives_the_same_score(
    aside: ProcessAside,
) -> None:
    text, reference = "the quick brown fox " * 40, "the lazy dog " * 40
    grader = grader_for(similarity_criterion(), aside)

    assert (await grader(seen(text, reference))).score == fuzzy_match(text, reference)
    assert await aside(os.getpid) != os.getpid()


async def test_a_metric_that_fails_in_the_other_process_still_says_why(aside: ProcessAside) -> None:
    with pytest.raises(GraderFailed, match="needs the WordNet database") as failed:
        await aside(found_wordnet, ())

    assert failed.value.code == "wordnet_missing"


async def test_comparisons_go_on_in_a_new_process_after_one_was_killed(aside: ProcessAside) -> None:
    first = await aside(os.getpid)
    with pytest.raises(BrokenProcessPool):
        await aside(signal.raise_signal, signal.SIGKILL)

    assert await aside(os.getpid) not in (first, os.getpid())
