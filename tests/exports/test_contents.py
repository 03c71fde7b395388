"""What is in a run comes out whole, in each format, whatever it is."""

import io
import json
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from tests.exports.awkward import (
    ANY,
    FORMULAS,
    NUMBERS,
    ODD_NAME,
    TEXTS,
    WHOLE,
    Line,
    as_it_was,
    exported,
    lines_of,
    table_of,
)
from tests.runs.making import items_of, path_of
from tests.server import EvaldServer

DEFAULT = [
    *("id", "datasource_item_id", "status"),
    *("item.text", "item.whole", "item.number", "item.truth", "item.any", "item.a.b"),
    *("sample.output_text", "results.exact.passed", "results.exact.score"),
    *(f"results.{ODD_NAME}.passed", f"results.{ODD_NAME}.score"),
    *("results.mood.passed", "results.mood.score", "results.mood.label"),
    *("error", "sample.model", "sample.usage.prompt_tokens", "sample.usage.completion_tokens"),
    *("sample.usage.total_tokens", "evald.latency_ms", "evald.attempts"),
]


def by_row(server: EvaldServer, run: Line) -> list[Any]:
    return items_of(server, run, "limit=1000&order_by=datasource_item_id")


def around(values: list[Any], number: int) -> list[Any]:
    return [values[place % len(values)] for place in range(number)]


def parquet_of(body: bytes) -> pa.Table:
    return pq.read_table(io.BytesIO(body))


def test_json_lines_are_the_items_as_the_api_answers_them(server: EvaldServer, run: Line) -> None:
    answer = exported(server, run)
    page = server.ask("GET", f"{path_of(run)}/output_items?limit=1000").body

    lines = answer.body.splitlines()
    assert [orjson.loads(line) for line in lines] == by_row(server, run)
    assert [line for line in lines if line not in page] == []


def test_a_csv_read_by_python_holds_every_text_exactly(server: EvaldServer, run: Line) -> None:
    table = table_of(exported(server, run, format="csv"))

    assert list(table[0]) == DEFAULT
    assert [as_it_was(line["item.text"]) for line in table] == TEXTS
    items = by_row(server, run)
    assert [line["id"] for line in table] == [item["id"] for item in items]
    assert [line["status"] for line in table] == [item["status"] for item in items]
    texts = [item["sample"]["output"][0]["content"] for item in items]
    assert [as_it_was(line["sample.output_text"]) for line in table] == texts
    any_values = around(ANY, len(table))
    told = ["" if each is None else each if isinstance(each, str) else None for each in any_values]
    for line, value, text in zip(table, any_values, told, strict=True):
        assert (
            line["item.any"] == text if text is not None else json.loads(line["item.any"]) == value
        )


def test_no_text_of_a_csv_begins_as_a_formula_unless_it_is_raw(
    server: EvaldServer, run: Line
) -> None:
    safe = table_of(exported(server, run, format="csv"))
    raw = table_of(exported(server, run, format="csv", raw="true"))

    starts = tuple("=+-@\t\r\n\0＝＋－＠")
    texts = [cell for line in safe for name, cell in line.items() if "number" not in name]
    assert [
        cell for cell in texts if cell.startswith(starts) and cell not in ("-1", str(-(2**63)))
    ] == []
    assert [line["item.text"] for line in raw] == TEXTS
    assert sum(a != b for a, b in zip(safe, raw, strict=True)) >= len(FORMULAS)


def test_numbers_of_a_csv_are_as_json_has_them(server: EvaldServer, run: Line) -> None:
    table = table_of(exported(server, run, format="csv", columns="item.whole,item.number"))

    whole = ["" if each is None else str(each) for each in around(WHOLE, len(table))]
    assert [line["item.whole"] for line in table] == whole
    assert [json.loads(line["item.number"]) for line in table] == around(NUMBERS, len(table))


def test_a_csv_is_rfc_4180_and_tells_null_from_an_empty_text(
    server: EvaldServer, run: Line
) -> None:
    body = exported(server, run, format="csv", columns="item.text,item.any", raw="true").body

    options = pyarrow.csv.ConvertOptions(
        column_types={"item.text": pa.string(), "item.any": pa.string()},
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        null_values=[""],
    )
    table = pyarrow.csv.read_csv(
        io.BytesIO(body),
        convert_options=options,
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
    ).to_pylist()
    assert body.endswith(b"\r\n")
    assert [line["item.text"] for line in table] == TEXTS
    nulls = [line["item.any"] is None for line in table]
    assert nulls == [each is None for each in around(ANY, len(table))]


def test_parquet_has_the_types_of_the_item_schema_and_every_value_that_fits(
    server: EvaldServer, run: Line
) -> None:
    body = exported(server, run, format="parquet").body

    table = parquet_of(body)
    kinds = {field.name: str(field.type) for field in table.schema}
    assert list(kinds) == DEFAULT
    assert [kinds[f"item.{name}"] for name in ("text", "whole", "number", "truth", "any")] == [
        *("string", "int64", "double", "bool", "string")
    ]
    assert (kinds["results.mood.passed"], kinds["results.mood.score"]) == ("bool", "double")
    lines = table.to_pylist()
    assert [line["item.text"] for line in lines] == TEXTS
    fitting = [int(n) if n is not None and n < 2**63 else None for n in around(WHOLE, len(lines))]
    assert [line["item.whole"] for line in lines] == fitting
    exact = [None if n == 2**53 + 1 else float(n) for n in around(NUMBERS, len(lines))]
    assert [line["item.number"] for line in lines] == exact
    assert [line["item.truth"] for line in lines] == [
        True if place % 2 else None for place in range(len(lines))
    ]
    told = json.loads(pq.read_metadata(io.BytesIO(body)).metadata[b"evald.misfits"])
    lost = sum(n is not None and n >= 2**63 for n in around(WHOLE, len(lines)))
    assert told == {"item.whole": lost, "item.number": exact.count(None)}


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl"])
def test_an_error_is_no_score_in_a_table(server: EvaldServer, run: Line, kind: str) -> None:
    names = ["results.mood.passed", "results.mood.score", "results.mood.label", "error"]
    answer = exported(server, run, format=kind, columns=",".join(names))

    if kind == "parquet":
        lines = parquet_of(answer.body).to_pylist()
    else:
        lines = table_of(answer) if kind == "csv" else lines_of(answer)
    first = [list(line.values()) for line in lines[:3]]
    nothing = "" if kind == "csv" else None
    good = ["true", "1.0", "good", ""] if kind == "csv" else [True, 1.0, "good", None]
    bad = ["false", "0.0", "bad", ""] if kind == "csv" else [False, 0.0, "bad", None]
    assert first[:2] == [good, bad]
    assert first[2][:3] == [nothing, nothing, nothing]
    assert "judge" in str(first[2][3])


def test_json_lines_with_columns_hold_values_as_they_are(server: EvaldServer, run: Line) -> None:
    columns = "item,item.any,results,sample.output.0.content"
    lines = lines_of(exported(server, run, columns=columns))

    items = by_row(server, run)
    assert [line["item"] for line in lines] == [item["datasource_item"] for item in items]
    assert [line["item.any"] for line in lines] == around(ANY, len(lines))
    assert [line["results"] for line in lines] == [item["results"] for item in items]
    assert {line["sample.output.0.content"] for line in lines} == {"x", "=x"}
