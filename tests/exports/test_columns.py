"""Which columns an eval gives its tables, and odd items that only an import can bring."""

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.errors import BadRequest
from evald.reports.columns import MOST_ITEM_COLUMNS, Choice
from evald.reports.criteria import criteria_of
from evald.reports.parquet import Parquet
from evald.reports.text_tables import csv_lines, json_lines, whole_items
from tests.exports.awkward import as_it_was

EXACT = {"id": "exact-1", "name": "exact", "type": "string_check"}
TWICE = {"id": "exact-2", "name": "exact", "type": "label_model"}


def choice(schema: Any, *criteria: Any, seen: Any = ()) -> Choice:
    return Choice(criteria_of(criteria), schema, seen)


def item_columns(schema: Any) -> list[str]:
    names = [column.name for column in choice(schema).default()]
    return names[3 : names.index("sample.output_text")]


@pytest.mark.parametrize(
    ("schema", "names"),
    [
        ({"properties": {"b": {}, "a": {}}, "required": ["a", "c"]}, ["b", "a", "c"]),
        ({"type": "object"}, ["item"]),
        ({"properties": {}}, ["item"]),
        ({"properties": {"": {}, "x.y": {}}}, ["item.", "item.x.y"]),
        ({"properties": {f"k{n}": {} for n in range(MOST_ITEM_COLUMNS + 1)}}, ["item"]),
        ({"properties": ["odd"], "required": {"odd": 1}}, ["item"]),
    ],
    ids=str,
)
def test_the_schema_names_the_columns_of_an_item(schema: Any, names: list[str]) -> None:
    expected = [
        name if name == "item" or name.startswith("item.") else f"item.{name}" for name in names
    ]

    assert item_columns(schema) == expected


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "integer"}, "integer"),
        ({"type": ["null", "number"]}, "number"),
        ({"type": ["integer", "string"]}, "text"),
        ({"type": "array"}, "text"),
        ({"enum": [1]}, "text"),
        (True, "text"),
    ],
    ids=str,
)
def test_a_field_has_the_kind_of_its_only_type(schema: Any, kind: str) -> None:
    (column,) = choice({"properties": {"a": schema}}).chosen("item.a")

    assert column.kind == kind


def test_criteria_of_one_name_are_called_by_their_ids() -> None:
    both = choice({}, EXACT, TWICE)

    results = [column.name for column in both.default() if column.name.startswith("results.")]
    assert results == [
        *("results.exact-1.passed", "results.exact-1.score"),
        *("results.exact-2.passed", "results.exact-2.score", "results.exact-2.label"),
    ]
    with pytest.raises(BadRequest, match=r"'results\.exact-[12]\.score'"):
        both.chosen("results.exact.score")


def test_a_result_is_found_at_another_place_and_by_a_plain_name() -> None:
    (score,) = choice({}, {**EXACT, "id": "other-1", "name": "other"}, EXACT).chosen(
        "results.exact.score"
    )
    by_id: Any = {"results": [{"name": "exact-1", "score": 1}, {"name": "other-1", "score": 0}]}
    by_name: Any = {"results": [{"name": "other", "score": 0}, {"name": "exact", "score": 0.5}]}
    odd: list[Any] = [{}, {"results": None}, {"results": [1, "x"]}, {"results": {"exact": 1}}]

    assert (score.value(by_id), score.value(by_name)) == (1, 0.5)
    assert [score.value(item) for item in odd] == [None] * 4


@given(st.lists(st.text() | st.text("'=+-@\t\r\n\",; x"), min_size=1, max_size=4))
def test_any_texts_come_back_from_a_csv(texts: list[str]) -> None:
    columns = choice({"properties": {str(n): {} for n in range(len(texts))}}).chosen(
        ",".join(f"item.{n}" for n in range(len(texts)))
    )
    item = json.dumps({"datasource_item": {str(n): text for n, text in enumerate(texts)}})

    for is_raw in (True, False):
        table = csv_lines(columns, is_raw=is_raw).take([item]).decode()
        (cells,) = csv.reader(io.StringIO(table, newline=""), strict=True)
        assert (cells if is_raw else [as_it_was(cell) for cell in cells]) == texts
        assert is_raw or not any(cell.startswith(tuple("=+-@\t\r\n")) for cell in cells)


ODD = [
    '{"id": 1, "datasource_item": {"n": 123456789012345678901234567890, "s": "\\ud800"}}',
    '{"id": null,\n "datasource_item": [1, 2],\r\n "sample": "text", "results": 7}',
    "[]",
    '{"datasource_item": {"n": ' + "9" * 5000 + "}}",
]


def test_odd_items_break_no_table() -> None:
    columns = choice({"properties": {"n": {"type": "integer"}}}).chosen(
        "id,item,item.n,sample.output_text,sample.usage.total_tokens,error,results"
    )
    whole = whole_items().take(ODD).decode().splitlines()
    lines = json_lines(columns).take(ODD).decode().splitlines()
    table = csv_lines(columns, is_raw=False)
    parquet = Parquet(columns)

    assert len(whole) == len(lines) == len(ODD)
    assert '"item.n":123456789012345678901234567890' in lines[0]
    assert b"123456789012345678901234567890" in table.take(ODD)
    assert (parquet.begin() + parquet.take(ODD) + parquet.end()).endswith(b"PAR1")
