"""Archived objects in the whole shape: what is missing says nothing, what is there stays."""

from typing import Any

import pytest
from hypothesis import given

from evald.rules.archived import NO_RESULT, whole_eval, whole_item, whole_run
from tests.importing.making import new_archive
from tests.rules.json_values import JSON_VALUES

NOTHING: Any = {
    "input": [],
    "output": [],
    "finish_reason": "",
    "model": "",
    "usage": {"total_tokens": 0, "completion_tokens": 0, "prompt_tokens": 0, "cached_tokens": 0},
    "error": None,
    "temperature": 1.0,
    "top_p": 1.0,
    "seed": None,
    "max_completions_tokens": None,
    "max_completion_tokens": None,
}
FAILED: Any = {"name": "a", "passed": False, "score": 0, "sample": None}
PASSED: Any = {"name": "b", "passed": True, "score": 1, "sample": None}
BROKEN: Any = {**FAILED, "error": {"code": "timeout", "message": "late"}}


def test_a_whole_object_stays_as_it_is() -> None:
    archive = new_archive()
    item = archive.item(0)
    item["sample"] = {**item["sample"], "max_completion_tokens": 4096}

    assert whole_eval(archive.eval()) == archive.eval()
    assert whole_run(archive.run()) == {**archive.run(), "report_url": None}
    assert whole_item(item) == item


def test_an_item_of_nothing_has_an_empty_sample() -> None:
    assert whole_item({"sample": None, "results": None, "status": "pass", "created_at": 5.0}) == {
        "created_at": 5,
        "sample": NOTHING,
        "results": [],
        "datasource_item": {},
        "status": "pass",
    }


def test_a_result_without_a_verdict_is_an_error() -> None:
    whole: Any = whole_item({"results": [{"name": "a"}], "status": "fail"})

    assert whole["results"] == [
        {"name": "a", "sample": None, "passed": False, "score": 0.0, "error": NO_RESULT}
    ]


@pytest.mark.parametrize(("passed", "score"), [(True, 1.0), (False, 0.0)])
def test_a_verdict_without_a_score_has_that_of_the_verdict(passed: bool, score: float) -> None:
    whole: Any = whole_item({"results": [{"name": "a", "passed": passed}]})

    assert (whole["results"][0]["score"], "error" in whole["results"][0]) == (score, False)


@pytest.mark.parametrize(
    ("status", "results", "error", "expected"),
    [
        ("passed", [], None, "pass"),
        ("failed", [], None, "fail"),
        ("errored", [], None, "error"),
        ("completed", [PASSED], None, "pass"),
        ("completed", [PASSED, BROKEN], None, "error"),
        ("completed", [FAILED, BROKEN], None, "fail"),
        ("completed", [PASSED], {"code": "timeout", "message": "late"}, "error"),
        (None, [PASSED], None, "pass"),
        (None, [], None, "error"),
        (None, None, None, "error"),
        ("completed", [], None, "error"),
        ("completed", None, None, "error"),
    ],
)
def test_other_words_for_a_verdict_are_known_and_kept(
    status: Any, results: Any, error: Any, expected: str
) -> None:
    whole = whole_item({"status": status, "results": results, "sample": {"error": error}})

    assert whole["status"] == expected
    assert whole["evald"] == {"imported": {"status": status}}
    assert whole_item(whole) == whole


def test_the_empty_error_of_the_strict_form_is_none() -> None:
    empty: Any = {"code": "", "message": ""}
    sample: Any = whole_item({"sample": {"error": empty}})["sample"]

    assert (whole_run({"error": empty})["error"], sample["error"]) == (None, None)


def test_counts_that_are_missing_are_none_and_their_total_is_their_sum() -> None:
    counts: Any = {"passed": 2, "failed": 1}

    assert whole_run({"result_counts": counts})["result_counts"] == {
        "passed": 2,
        "failed": 1,
        "errored": 0,
        "total": 3,
    }


def test_whole_numbers_that_were_written_as_fractions_are_integers() -> None:
    item: Any = {"created_at": 5.0, "datasource_item_id": 7.0}

    whole = whole_item(item)

    assert (repr(whole["created_at"]), repr(whole["datasource_item_id"])) == ("5", "7")
    assert repr(whole_run({"created_at": 5.5})["created_at"]) == "5.5"


def test_keys_that_nobody_knows_stay() -> None:
    odd: Any = {"shared_with_openai": False, "sample": {"odd": 1}, "results": []}

    assert whole_run(odd)["shared_with_openai"] is False
    whole: Any = whole_item(odd)
    assert whole["sample"]["odd"] == 1


@given(JSON_VALUES)
def test_whatever_stands_in_an_object_a_whole_one_stays(value: Any) -> None:
    keys = (
        *("status", "results", "sample", "datasource_item", "evald", "error", "metadata"),
        *("result_counts", "per_model_usage", "data_source", "name"),
    )
    found = dict.fromkeys(keys, value)

    for whole in (whole_eval, whole_run, whole_item):
        once = whole(found)
        assert whole(once) == once
