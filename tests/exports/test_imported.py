"""Imported results, which are called otherwise than the criteria of their eval."""

import json
from typing import Any

import pytest

from tests.exports.awkward import Line, exported, lines_of
from tests.server import EvaldServer

OWN = "-11111111-2222-3333-4444-555555555555"
OTHER = "-99999999-2222-3333-4444-555555555555"
EVAL: Line = {
    "object": "eval",
    "id": "eval_old",
    "name": "old",
    "created_at": 1,
    "data_source_config": {"type": "custom", "schema": {"type": "object", "properties": {}}},
    "testing_criteria": [
        {
            "id": f"{name}{OWN}",
            "type": "string_check",
            "name": name,
            "operation": "eq",
            "input": "x",
            "reference": "x",
        }
        for name in ("a", "b")
    ],
}
RUN: Line = {
    "object": "eval.run",
    "id": "evalrun_old",
    "eval_id": "eval_old",
    "created_at": 1,
    "status": "completed",
    "result_counts": {"total": 3, "errored": 0, "failed": 0, "passed": 3},
}
CALLED = [(f"a{OTHER}", f"b{OTHER}"), ("b", "a"), ("a", "b")]
"""The names of the results of each item."""


def item(number: int, names: tuple[str, str]) -> Line:
    scores = {name: 1.0 if name.startswith("a") else 0.0 for name in names}
    return {
        "object": "eval.run.output_item",
        "id": f"outputitem_old_{number}",
        "run_id": "evalrun_old",
        "eval_id": "eval_old",
        "created_at": 1,
        "status": "fail",
        "datasource_item_id": number,
        "datasource_item": {"number": number},
        "results": [
            {"name": name, "passed": score == 1, "score": score} for name, score in scores.items()
        ],
    }


@pytest.fixture(scope="module")
def imported(server: EvaldServer) -> Line:
    lines = [EVAL, RUN, *(item(number, names) for number, names in enumerate(CALLED))]
    body = "\n".join(map(json.dumps, lines)).encode()
    headers = {"content-type": "application/jsonl"}
    answer = server.ask("POST", "/v1/evals/import", body, headers=headers)
    assert answer.json["output_items"]["imported"] == 3, answer.body
    return RUN


def test_results_are_found_by_their_names_in_tables_and_filters(
    server: EvaldServer, imported: Line
) -> None:
    def rows(**query: Any) -> list[list[Any]]:
        return [list(line.values()) for line in lines_of(exported(server, imported, **query))]

    columns = "results.a.passed,results.b.passed,results.b.score"
    assert rows(columns=columns) == [[True, False, 0.0]] * 3
    number = "datasource_item_id"
    assert rows(columns=number, criterion="a", verdict="passed") == [[0], [1], [2]]
    assert rows(columns=number, criterion=f"b{OWN}", verdict="failed") == [[0], [1], [2]]
