"""Columns and filters: what can be chosen, and how a wrong choice is told."""

from typing import Any

import pytest

from tests.exports.awkward import (
    ODD_NAME,
    Line,
    exported,
    lines_of,
    refused_or_not,
    table_of,
)
from tests.runs.making import create_eval, create_run, given, items_of, path_of
from tests.server import EvaldServer


@pytest.mark.parametrize(
    ("columns", "nearest"),
    [
        ("items.text", "item.text"),
        ("output_text", "sample.output_text"),
        ("results.exact.scores", "results.exact.score"),
        ("results.exakt.score", "results.exact.score"),
        ("id,latency_ms", "evald.latency_ms"),
        ("sample.usage.tokens", "sample.usage"),
        ("results.", "results"),
        ("stat us", "status"),
    ],
)
def test_an_unknown_column_is_refused_with_the_nearest_name(
    server: EvaldServer, run: Line, columns: str, nearest: str
) -> None:
    answer = refused_or_not(server, run, format="csv", columns=columns)

    error = answer.json["error"]
    assert (answer.status, error["param"], error["code"]) == (400, "columns", "invalid_value")
    assert "The nearest is" in error["message"]
    assert nearest in error["message"]


@pytest.mark.parametrize(
    ("query", "param", "code"),
    [
        ({"columns": "id,status,id"}, "columns", "invalid_value"),
        ({"columns": '"id'}, "columns", "invalid_value"),
        ({"columns": "id,,status"}, "columns", "invalid_value"),
        ({"columns": "\n", "format": "parquet"}, "columns", "invalid_value"),
        ({"columns": ",".join(f"item.x{n}" for n in range(1001))}, "columns", "invalid_value"),
        ({"columns": "item" + ".x" * 20_000}, "columns", "invalid_value"),
        ({"columns": "x" * 40_000}, "columns", "invalid_value"),
        ({"format": "xlsx"}, "format", "invalid_value"),
        ({"status": "passing"}, "status", "invalid_value"),
        ({"limit": "0"}, "limit", "invalid_value"),
        ({"limit": "many"}, "limit", "invalid_value"),
        ({"raw": "yes"}, "raw", "invalid_value"),
        ({"criterion": "exact"}, "verdict", "missing_required_parameter"),
        ({"verdict": "failed"}, "criterion", "missing_required_parameter"),
        ({"criterion": "exact", "verdict": "pass"}, "verdict", "invalid_value"),
        ({"criterion": "none", "verdict": "failed"}, "criterion", "invalid_value"),
    ],
    ids=str,
)
def test_a_wrong_choice_is_refused_in_the_shape_of_an_error(
    server: EvaldServer, run: Line, query: dict[str, str], param: str, code: str
) -> None:
    answer = refused_or_not(server, run, **query)

    error = answer.json["error"]
    assert (answer.status, error["param"], error["code"]) == (400, param, code)
    assert len(answer.body) < 1_500


def test_a_field_that_only_items_name_is_known_and_a_key_may_have_dots(
    server: EvaldServer, run: Line
) -> None:
    lines = lines_of(exported(server, run, columns="item.=rare,item.a.b,item.a,item.any.1.a"))

    assert [line["item.=rare"] for line in lines[:2]] == [1, None]
    assert {line["item.a.b"] for line in lines} == {"dotted"}
    assert lines[0]["item.a"] == {"b": "not the one"}
    assert [line["item.any.1.a"] for line in lines[4:7]] == [None, "b", None]


def test_a_field_is_known_also_where_no_item_that_is_wanted_has_it(
    server: EvaldServer, run: Line
) -> None:
    names = "id,item.=rare,item.never"

    for query in (
        {},
        {"status": "fail"},
        {"limit": 1},
        {"criterion": "mood", "verdict": "errored"},
    ):
        lines = lines_of(exported(server, run, columns=names, **query))

        assert [line["item.never"] for line in lines] == [None] * len(lines)
        assert set(lines[0]) == set(names.split(","))


def test_the_first_line_of_a_csv_chooses_its_columns_again(server: EvaldServer, run: Line) -> None:
    whole = exported(server, run, format="csv")
    names = whole.body.decode().partition("\r\n")[0]

    again = exported(server, run, format="csv", columns=names)

    assert again.body == whole.body
    assert f"results.{ODD_NAME}.score" in table_of(again)[0]


def test_a_result_is_found_by_the_id_of_its_criterion_too(server: EvaldServer, run: Line) -> None:
    criterion_id = items_of(server, run)[0]["results"][0]["name"]
    columns = f"results.{criterion_id}.score,results.exact.score,results.exact"

    lines = lines_of(exported(server, run, columns=columns))

    assert all(
        line[f"results.{criterion_id}.score"] == line["results.exact.score"] for line in lines
    )
    assert lines[0]["results.exact"]["name"] == criterion_id


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_filters_choose_what_the_api_says_of_the_items(
    server: EvaldServer, run: Line, kind: str
) -> None:
    def exported_ids(**query: Any) -> list[str]:
        answer = exported(server, run, format=kind, **query)
        return [line["id"] for line in (table_of if kind == "csv" else lines_of)(answer)]

    items = items_of(server, run, "limit=1000&order_by=datasource_item_id")
    ids = [item["id"] for item in items]
    status = {s: [i["id"] for i in items if i["status"] == s] for s in ("pass", "fail", "error")}
    errored = [item["id"] for item in items if "error" in item["results"][2]]
    assert all(status.values())

    assert exported_ids(status="fail") == exported_ids(status="failed") == status["fail"]
    assert exported_ids(status="pass") == status["pass"]
    assert exported_ids(status="error", limit=1) == status["error"][:1]
    assert exported_ids(criterion="mood", verdict="errored") == errored
    assert exported_ids(criterion="exact", verdict="passed", limit=3) == ids[0:6:2]
    assert exported_ids(criterion="mood", verdict="errored", status="fail") == [
        each for each in errored if each in status["fail"]
    ]
    assert exported_ids(limit=2) == ids[:2]
    assert exported_ids(limit=10**9) == ids


def test_the_answer_is_a_file_with_a_safe_name(server: EvaldServer, run: Line) -> None:
    for kind, media_type in (
        ("jsonl", "application/jsonl"),
        ("csv", "text/csv; charset=utf-8"),
        ("parquet", "application/vnd.apache.parquet"),
    ):
        headers = exported(server, run, format=kind).headers

        assert headers["content-type"] == media_type
        assert headers["content-disposition"] == f'attachment; filename="{run["id"]}.{kind}"'
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def test_a_run_that_is_not_there_has_no_export(server: EvaldServer, run: Line) -> None:
    other = create_eval(server)
    for path in (
        f"/v1/evals/{run['eval_id']}/runs/evalrun_nothing/export",
        f"/v1/evals/{other}/runs/{run['id']}/export",
    ):
        answer = server.ask("GET", path)

        assert (answer.status, answer.json["error"]["param"]) == (404, "run_id")


def test_a_run_without_items_is_a_file_without_lines(server: EvaldServer) -> None:
    eval_id = create_eval(server)
    run = create_run(server, eval_id, given([{"item": {"n": 1}, "sample": {}}]))
    path = f"{path_of(run)}/export?limit=1&status=error"

    assert server.ask("GET", path).body == b""
    assert server.ask("GET", f"{path}&format=csv&columns=id,item.n").body == b"id,item.n\r\n"
    assert server.ask("GET", f"{path}&format=parquet").body.endswith(b"PAR1")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("c999", "failed"),
        ("c0", "maybe"),
        ("s0", "high"),
        ("latency", "500ms.."),
        ("tokens", "nan.."),
        ("f.", "DE"),
        ("q", "x" * 500),
    ],
)
def test_a_filter_that_says_nothing_is_refused_and_not_left_out(
    server: EvaldServer, run: Line, name: str, value: str
) -> None:
    answer = refused_or_not(server, run, **{name: value})

    error = answer.json["error"]
    assert (answer.status, error["param"], error["code"]) == (400, name, "invalid_value")
