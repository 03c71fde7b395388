"""Rows that do not fit: named by row and path, inline, in a file, and in a file read later."""

import json
from typing import Any

import pytest

from tests.api.refusals import (
    EVAL,
    ROW,
    Prepared,
    check_refusal,
    created,
    from_file,
    run_of,
    status_of,
    upload,
)
from tests.waiting import until

PLACE = "data_source.source.content[1]"

# the second row, where it is wrong below that row, a part of the reason
MISFITS: list[tuple[Any, str, str]] = [
    ({"item": {}}, ".item", '"q" is a required property'),
    ({"item": {"q": 1}}, ".item.q", 'not of type "string"'),
    ({"item": {"q": None}}, ".item.q", 'not of type "string"'),
    ({"item": {"q": "a", "n": 1.5}}, ".item.n", 'not of type "integer"'),
    ({"item": {"q": "a", "n": "1"}}, ".item.n", 'not of type "integer"'),
    ({"item": None}, ".item", "must be an object, not null"),
    ({"item": "a"}, ".item", "must be an object, not a string"),
    ({"item": []}, ".item", "must be an object, not an array"),
    ({}, ".item", "is missing: write a row as"),
    ({"q": "a"}, ".item", 'is missing: write a row as {"item": {…}}'),
    ({"item": {"q": "a"}, "sample": "a"}, ".sample", "must be an object, not a string"),
    ({"item": {"q": "a"}, "sample": []}, ".sample", "must be an object, not an array"),
    (None, "", "must be an object with an 'item', not null"),
    ("a", "", "must be an object with an 'item', not a string"),
    (7, "", "must be an object with an 'item', not a number"),
    ([ROW], "", "must be an object with an 'item', not an array"),
]
IDS = [json.dumps(row) for row, _, _ in MISFITS]


@pytest.mark.parametrize(("row", "place", "reason"), MISFITS, ids=IDS)
def test_an_inline_row_that_does_not_fit_is_named(
    prepared: Prepared, row: Any, place: str, reason: str
) -> None:
    answer = prepared.server.ask("POST", prepared.runs, run_of(ROW, row, ROW))

    check_refusal(
        answer,
        param="data_source.source",
        code="invalid_row",
        says=lambda message: message.startswith(f"{PLACE}{place} ") and reason in message,
    )


def test_a_row_is_named_down_to_the_depth_where_it_is_wrong(prepared: Prepared) -> None:
    item_schema = {
        "properties": {
            "turns": {"items": {"properties": {"a.b": {"type": "array", "items": {"minimum": 1}}}}}
        }
    }
    body = run_of({"item": {"turns": [{}, {"a.b": [1, 0]}]}})
    other = other_eval(prepared, item_schema)

    answer = prepared.server.ask("POST", f"{other}/runs", body)
    prepared.server.ask("DELETE", other)

    check_refusal(
        answer, param="data_source.source", code="invalid_row", says="item.turns[1].a.b[1] "
    )


@pytest.mark.parametrize("content", [[], None], ids=["no rows", "no content"])
def test_a_source_without_rows_is_refused(prepared: Prepared, content: Any) -> None:
    body = run_of()
    body["data_source"]["source"]["content"] = content

    answer = prepared.server.ask("POST", prepared.runs, body)

    assert answer.status == 400


@pytest.fixture
def other(prepared: Prepared) -> Any:
    """Another eval; its files and runs are made in the test, and gone after it."""
    path = other_eval(prepared, EVAL["data_source_config"]["item_schema"])  # type: ignore[index]
    files: list[str] = []

    def run(content: bytes, purpose: str = "evals") -> tuple[Any, str]:
        file_id = upload(prepared.server, content, purpose).json["id"]
        files.append(file_id)
        return prepared.server.ask("POST", f"{path}/runs", from_file(file_id)), path

    yield run
    for file_id in files:
        prepared.server.ask("DELETE", f"/v1/files/{file_id}")
    prepared.server.ask("DELETE", path)


def other_eval(prepared: Prepared, item_schema: Any) -> str:
    config = {"type": "custom", "item_schema": item_schema}
    body = {**EVAL, "data_source_config": config}
    return f"/v1/evals/{created(prepared.server, '/v1/evals', body)}"


# Only what is an object comes into a file; that is checked at its upload.
IN_FILES = [(row, place, reason) for row, place, reason in MISFITS if isinstance(row, dict)]


@pytest.mark.parametrize(
    ("row", "place", "reason"), IN_FILES, ids=[json.dumps(row) for row, _, _ in IN_FILES]
)
def test_a_row_of_a_small_file_that_does_not_fit_is_named_by_its_line(
    other: Any, prepared: Prepared, row: Any, place: str, reason: str
) -> None:
    lines = [json.dumps(ROW), "", json.dumps(row), json.dumps(ROW)]

    answer, path = other("\n".join(lines).encode())

    check_refusal(
        answer,
        param="data_source.source",
        code="invalid_row",
        says=lambda message: message.startswith(f"line 3{place} ") and reason in message,
    )
    assert prepared.server.ask("GET", f"{path}/runs").json["data"] == []


LARGE = b'{"item": {"q": "' + b"a" * 100_000 + b'"}}\n'


def test_a_row_of_a_large_file_that_does_not_fit_fails_the_run_and_names_the_line(
    other: Any, prepared: Prepared
) -> None:
    answer, path = other(LARGE * 60 + b'\n{"item": {"q": 5}}\n' + LARGE)
    run = answer.json

    assert (answer.status, run["status"]) == (201, "queued")
    _, _, eval_id = path.rpartition("/")
    until(lambda: status_of(prepared.server, eval_id, run["id"]) == "failed")
    failed = prepared.server.ask("GET", f"{path}/runs/{run['id']}").json
    assert failed["error"]["code"] == "invalid_rows"
    assert failed["error"]["message"].startswith("line 62.item.q does not fit")
    assert failed["result_counts"]["total"] == 0
    items = prepared.server.ask("GET", f"{path}/runs/{run['id']}/output_items")
    assert items.json["data"] == []


def test_a_large_file_that_fits_is_run_whole(other: Any, prepared: Prepared) -> None:
    answer, path = other(LARGE * 60)
    run = answer.json

    _, _, eval_id = path.rpartition("/")
    until(lambda: status_of(prepared.server, eval_id, run["id"]) == "completed")
    found = prepared.server.ask("GET", f"{path}/runs/{run['id']}").json
    assert found["result_counts"] == {"total": 60, "errored": 0, "failed": 60, "passed": 0}


# The rows of a file for another purpose are not looked at when it is uploaded.


def test_a_small_file_of_blank_lines_is_refused_as_a_source(other: Any, prepared: Prepared) -> None:
    answer, _ = other(b"\n \n", "user_data")

    check_refusal(answer, param="data_source.source", code="empty_data_source")


def test_a_large_file_of_blank_lines_fails_the_run(other: Any, prepared: Prepared) -> None:
    answer, path = other(b" " * 5_000_000 + b"\n", "user_data")

    assert answer.status == 201
    _, _, eval_id = path.rpartition("/")
    until(lambda: status_of(prepared.server, eval_id, answer.json["id"]) == "failed")
