"""Judges are found and replaced wherever an eval has them, and nothing else changes."""

from typing import Any

import pytest

from evald.archive.sending.model_map import judges_of, with_models

JUDGE = {"type": "label_model", "name": "a", "model": "old", "labels": ["x"], "input": []}
SCORE = {"type": "score_model", "name": "b", "model": "other", "sampling_params": {"model": "old"}}
PLAIN = {"type": "python", "name": "c", "source": "old", "model": "old"}


@pytest.mark.parametrize(
    "graders",
    [{"one": JUDGE, "two": SCORE, "three": PLAIN}, [JUDGE, SCORE, PLAIN]],
    ids=["by name", "in a list"],
)
def test_judges_within_a_multi_are_replaced(graders: Any) -> None:
    found = {"id": "eval_1", "testing_criteria": [{"type": "multi", "graders": graders}, JUDGE]}

    mapped = with_models(found, {"old": "new"})

    assert judges_of(found) == {"old", "other"}
    assert judges_of(mapped) == {"new", "other"}
    text = str(mapped).replace("'model': 'new', 'labels'", "'model': 'old', 'labels'")
    assert text == str(found)


def test_a_grader_that_a_multi_has_by_itself_is_replaced() -> None:
    found = {"testing_criteria": [{"type": "multi", "graders": JUDGE}]}

    assert judges_of(with_models(found, {"old": "new"})) == {"new"}


@pytest.mark.parametrize("wrong", [None, 1, "x", [[]], [1], {"a": 1}, [{"type": ["x"]}]])
def test_criteria_that_are_none_have_no_judges(wrong: Any) -> None:
    found = {"testing_criteria": wrong}

    assert judges_of(found) == set()
    assert with_models(found, {"old": "new"}) == found


def test_a_multi_in_itself_without_an_end_is_not_followed_to_it() -> None:
    multi: dict[str, Any] = {"type": "multi", "graders": {"a": JUDGE}}
    for _ in range(200):
        multi = {"type": "multi", "graders": {"a": multi}}

    assert judges_of({"testing_criteria": [multi]}) == set()
    assert with_models({"testing_criteria": [multi]}, {"old": "new"})["testing_criteria"] == [multi]
