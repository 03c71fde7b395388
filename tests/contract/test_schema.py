"""The schema checks themselves: they are there, and they are not blind."""

from typing import Any

import pytest

from tests.contract.schema import NOT_CHECKED, Schema, schema

RUN: Any = {
    "object": "eval.run",
    "id": "evalrun_1",
    "eval_id": "eval_1",
    "status": "queued",
    "model": None,
    "name": "a run",
    "created_at": 1,
    "report_url": "http://127.0.0.1/evaluations/eval_1",
    "result_counts": {"total": 0, "errored": 0, "failed": 0, "passed": 0},
    "per_model_usage": None,
    "per_testing_criteria_results": None,
    "data_source": {"type": "jsonl", "source": {"type": "file_id", "id": "file-1"}},
    "metadata": {},
    "error": None,
}
ERROR: Any = {"error": {"message": "no", "type": "server_error", "param": None, "code": None}}
PATH = "/v1/evals/eval_1/runs/evalrun_1"


@pytest.fixture
def known() -> Schema:
    found = schema()
    if found is None:
        pytest.skip(NOT_CHECKED)
    return found


def test_a_live_run_has_no_complaints(known: Schema) -> None:
    assert list(known.complaints("GET", PATH, 200, RUN)) == []
    assert list(known.complaints("POST", f"{PATH}/cancel", 200, RUN)) == []


@pytest.mark.parametrize("key", RUN)
def test_a_run_without_one_of_its_keys_is_complained_about(known: Schema, key: str) -> None:
    without = {name: value for name, value in RUN.items() if name != key}

    assert list(known.complaints("GET", PATH, 200, without)) != []


@pytest.mark.parametrize("key", ["name", "status", "result_counts", "data_source", "report_url"])
def test_a_null_that_is_not_known_from_the_live_service_is_complained_about(
    known: Schema, key: str
) -> None:
    assert list(known.complaints("GET", PATH, 200, {**RUN, key: None})) != []


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [(PATH, "GET", 201), ("/v1/evals", "POST", 200), ("/v1/evals/eval_1/events", "GET", 200)],
    ids=["created on GET", "create answers 200", "unknown path"],
)
def test_an_undocumented_success_is_complained_about(
    known: Schema, path: str, method: str, status: int
) -> None:
    assert list(known.complaints(method, path, status, RUN)) != []


@pytest.mark.parametrize("key", ["message", "type", "param", "code"])
def test_an_error_without_one_of_its_keys_is_complained_about(known: Schema, key: str) -> None:
    without = {name: value for name, value in ERROR["error"].items() if name != key}

    assert list(known.complaints("GET", PATH, 404, ERROR)) == []
    assert list(known.complaints("GET", PATH, 404, {"error": without})) != []
    assert list(known.complaints("GET", PATH, 404, ERROR["error"])) != []
