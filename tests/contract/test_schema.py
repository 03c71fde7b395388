"""The schema checks themselves: they are there, and they are not blind."""

from typing import Any

import pytest

from tests.contract.schema import NOT_CHECKED, Schema, own_schema, schema

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


EXTRAS: Any = {"rows": 1, "calls_aborted": 0, "started_at": None, "finished_at": None}
OWN_RUN: Any = {**RUN, "evald": {**EXTRAS, "usage": {"sampling": [], "judging": []}}}


def own_complaints(run: Any) -> list[str]:
    return list(own_schema().complaints("GET", PATH, 200, run))


@pytest.mark.parametrize("key", OWN_RUN)
def test_evalds_own_document_knows_every_key_of_a_run(key: str) -> None:
    without = {name: value for name, value in OWN_RUN.items() if name != key}

    assert own_complaints(OWN_RUN) == []
    assert own_complaints(without) != []


def test_a_key_that_evalds_own_document_does_not_name_is_complained_about() -> None:
    assert own_complaints({**OWN_RUN, "surprise": 1}) != []
    assert own_complaints({**OWN_RUN, "evald": {**OWN_RUN["evald"], "surprise": 1}}) != []
    assert own_complaints({**OWN_RUN, "error": {"code": "", "message": "", "more": 1}}) != []


def test_evalds_own_document_has_its_models() -> None:
    models = {"object": "list", "data": [{"id": "m", "owned_by": "x"}]}

    assert list(own_schema().complaints("GET", "/v1/models", 200, models)) == []
    assert list(own_schema().complaints("GET", "/v1/models", 200, {"data": []})) != []
