"""Which columns an eval gives its tables, and odd items that only an import can bring."""

import csv
import io
import json
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.errors import BadRequest
from evald.reports.columns import MOST_ITEM_COLUMNS, Choice, Column
from evald.reports.criteria import criteria_of
from evald.reports.parquet import Parquet
from evald.reports.text_tables import PIECE, TextTable, csv_lines, json_lines, whole_items
from tests.exports.awkward import as_it_was

EXACT = {"id": "exact-1", "name": "exact", "type": "string_check"}
TWICE = {"id": "exact-2", "name": "exact", "type": "label_model"}


def choice(schema: Any, *criteria: Any) -> Choice:
    return Choice(criteria_of(criteria), schema)


def head_of(table: TextTable) -> str:
    return table.begin().decode().removesuffix("\r\n")


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


def test_a_name_that_is_the_id_of_another_criterion_is_called_by_its_own_id() -> None:
    odd = choice(
        {}, {"id": "c1", "name": "n"}, {"id": "c2", "name": "c1"}, {"id": "c3", "name": "n"}
    )
    item: Any = {"results": [{"name": f"c{n}", "score": n} for n in (1, 2, 3)]}

    scores = [column for column in odd.default() if column.name.endswith(".score")]

    assert [(column.name, column.value(item)) for column in scores] == [
        *(("results.c1.score", 1), ("results.c2.score", 2), ("results.c3.score", 3))
    ]


@pytest.mark.parametrize(
    "criteria",
    [
        [("c1", "n"), ("c2", "c1"), ("c3", "n")],
        [("c1", "a"), ("c2", "a.passed"), ("c3", "a.passed.score")],
        [("c1", "n"), ("c1", "n"), ("c1", "c2"), ("c2", "c2")],
        [("c1", "." * 200), ("c2", 'a "b",\r\n')],
    ],
    ids=str,
)
def test_the_first_line_of_a_csv_means_the_same_columns_again(criteria: Any) -> None:
    schema = {"properties": {"a.b": {"type": "integer"}, "a\nb": {}, "": {}, "." * 200: {}}}
    named = choice(schema, *({"id": key, "name": name} for key, name in criteria))
    item: Any = {
        "results": [
            {"name": key, "passed": True, "score": n} for n, (key, _) in enumerate(criteria)
        ]
    }

    again = named.chosen(head_of(csv_lines(named.default(), is_raw=False)))

    assert [(each.name, each.kind, each.value(item)) for each in again] == [
        (each.name, each.kind, each.value(item)) for each in named.default()
    ]


def test_a_result_is_found_at_another_place_and_by_a_plain_name() -> None:
    (score,) = choice({}, {**EXACT, "id": "other-1", "name": "other"}, EXACT).chosen(
        "results.exact.score"
    )
    by_id: Any = {"results": [{"name": "exact-1", "score": 1}, {"name": "other-1", "score": 0}]}
    by_name: Any = {"results": [{"name": "exact", "score": 0.5}, {"name": "other", "score": 0}]}
    odd: list[Any] = [{}, {"results": None}, {"results": [1, "x"]}, {"results": {"exact": 1}}]

    assert (score.value(by_id), score.value(by_name)) == (1, 0.5)
    assert [score.value(item) for item in odd] == [None] * 4


def test_the_longest_key_that_an_item_has_is_meant() -> None:
    names = "item.a.b.c,item.a.b,item.new,datasource_item.a.0,item.a.00"
    columns = choice({"properties": {"a": {}}}).chosen(names)

    def row(fields: Any) -> list[Any]:
        return [column.value({"datasource_item": fields}) for column in columns]

    assert row({"a.b": {"c": 1}, "a": {"b": 2}, "new": 3}) == [1, {"c": 1}, 3, None, None]
    assert row({"a": {"b": {"c": 4}}}) == [4, {"c": 4}, None, None, None]
    assert row({"a": [5]}) == [None, None, None, 5, None]
    assert row({}) == row(None) == row([1]) == [None] * 5


@given(st.lists(st.text() | st.text("'=+-@\t\r\n\0\",; x"), min_size=1, max_size=4))
def test_any_texts_come_back_from_a_csv(texts: list[str]) -> None:
    columns = choice({"properties": {str(n): {} for n in range(len(texts))}}).chosen(
        ",".join(f"item.{n}" for n in range(len(texts)))
    )
    item = json.dumps({"datasource_item": {str(n): text for n, text in enumerate(texts)}})

    for is_raw in (True, False):
        table = b"".join(csv_lines(columns, is_raw=is_raw).take([item])).decode()
        (cells,) = csv.reader(io.StringIO(table, newline=""), strict=True)
        assert (cells if is_raw else [as_it_was(cell) for cell in cells]) == texts
        assert is_raw or not any(cell.startswith(tuple("=+-@\t\r\n\0")) for cell in cells)


ODD = [
    '{"id": 1, "datasource_item": {"n": 123456789012345678901234567890}}',
    '{"id": null,\n "datasource_item": [1, 2],\r\n "sample": "text", "results": 7}',
    "[]",
    '{"datasource_item": {"n": ' + "9" * 5000 + "}}",
]


def test_odd_items_break_no_table() -> None:
    columns = choice({"properties": {"n": {"type": "integer"}}}).chosen(
        "id,item,item.n,sample.output_text,sample.usage.total_tokens,error,results"
    )
    whole = b"".join(whole_items().take(ODD)).decode().splitlines()
    lines = b"".join(json_lines(columns).take(ODD)).decode().splitlines()
    table = b"".join(csv_lines(columns, is_raw=False).take(ODD))
    parquet = Parquet(columns)

    assert len(whole) == len(lines) == len(ODD)
    assert '"item.n":123456789012345678901234567890' in lines[0]
    assert b"123456789012345678901234567890" in table
    assert b"".join([parquet.begin(), *parquet.take(ODD), parquet.end()]).endswith(b"PAR1")


DEEP = 40
LONG = "y" * 300_000


def long_item() -> str:
    """Give an item whose long text is in as many columns as it is deep."""
    inner: Any = LONG
    for _ in range(DEEP):
        inner = {"k": inner}
    return json.dumps({"datasource_item": inner})


def long_columns() -> list[Column]:
    return choice({}).chosen(",".join("item" + ".k" * depth for depth in range(1, DEEP + 1)))


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_line_much_longer_than_its_item_comes_in_pieces(kind: str) -> None:
    columns = long_columns()
    table = csv_lines(columns, is_raw=False) if kind == "csv" else json_lines(columns)

    pieces = list(table.take([long_item()] * 2))

    assert max(map(len, pieces)) < 3 * PIECE
    lines = b"".join(pieces).decode().splitlines()
    assert lines == lines[:1] * 2
    cells = lines[0].split(",") if kind == "csv" else list(json.loads(lines[0]).values())
    assert (len(cells), cells[-1]) == (DEEP, LONG)


def test_a_row_group_is_bounded_by_what_its_cells_hold() -> None:
    table = Parquet(long_columns())

    body = b"".join([table.begin(), *table.take([long_item()] * 4), table.end()])

    groups = pq.read_metadata(io.BytesIO(body))
    assert [groups.row_group(n).num_rows for n in range(groups.num_row_groups)] == [2, 2]
    assert pq.read_table(io.BytesIO(body)).column(DEEP - 1).to_pylist() == [LONG] * 4


def test_an_item_too_long_for_a_row_of_parquet_is_refused() -> None:
    columns = choice({}).chosen(",".join(["item", "item.k", *("item" + ".k" * n for n in (2, 3))]))
    text = json.dumps(
        {"datasource_item_id": 7, "datasource_item": {"k": {"k": {"k": "y" * 20_000_000}}}}
    )

    with pytest.raises(BadRequest, match=r"in row 7 has more than 67,108,864 characters"):
        list(Parquet(columns).take([text]))
