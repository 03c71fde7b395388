"""Rows as people paste them come out whole, and what is wrong is told with its line."""

import csv
import json
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.contract.json_types import JsonObject
from evald.rules.pasted_rows import MOST_PROBLEMS, PastedRows, Problem, pasted_rows
from tests.rules.json_values import JSON_OBJECTS

NAMES = st.lists(
    st.text("abcdefg_ éß", min_size=1, max_size=5).map(str.strip).filter(bool),
    min_size=2,  # a heading of one name does not show what parts its columns
    max_size=4,
    unique=True,
)
CELLS = st.text('ab",;\t\n 日', max_size=6)


def items(found: PastedRows) -> list[object]:
    return [each.row["item"] for each in found.rows]


@given(st.lists(JSON_OBJECTS, max_size=5), st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_json_lines_are_the_objects_that_were_written(rows: list[JsonObject], end: str) -> None:
    whole = [{"item": row} for row in rows]
    text = "".join(json.dumps(row) + end for row in whole)

    found = pasted_rows(text)

    assert (items(found), found.problems) == (rows, ())


@given(NAMES, st.data(), st.sampled_from([",", "\t", ";"]))
def test_a_table_is_the_cells_that_were_written(
    names: list[str], data: st.DataObject, delimiter: str
) -> None:
    one_row = st.lists(CELLS, min_size=len(names), max_size=len(names))
    rows = data.draw(st.lists(one_row.filter(lambda row: any(map(str.strip, row))), max_size=4))
    written = StringIO(newline="")
    csv.writer(written, delimiter=delimiter).writerows([names, *rows])

    found = pasted_rows(written.getvalue())

    assert found.problems == ()
    assert items(found) == [dict(zip(names, row, strict=True)) for row in rows]


@given(st.integers(0, 4), st.integers(0, 3))
def test_a_broken_line_is_told_with_its_number(before: int, blank: int) -> None:
    lines = ['{"a": 1}'] * before + [""] * blank + ['{"a": ', '{"a": 2}']

    found = pasted_rows("\n".join(lines) if before else "{}\n" + "\n".join(lines))

    first = 0 if before else 1
    assert [each.line for each in found.problems] == [before + blank + 1 + first]
    assert len(found.rows) == before + 1 + first


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[1]\n", 1, "not an array"),
        ('{"item": {}}\n{"a": 1}\n', 2, 'inside "item"'),
        ("a,b\n1,2\n\n1,2,3\n", 4, "has 3 cells, and the heading names 2"),
        ('a,b\n"x\ny",2\n1\n', 4, "has 1 cell, and"),
        ('a,b\n1,"2\n3,4\n', 2, "not closed"),
        ('a,b\n"1" x,2\n', 2, "goes on behind its closing quote"),
        ("a,,b\n1,2,3\n", 1, "column 2 has no name"),
        ("a,b,a\n1,2,3\n", 1, "two columns are called 'a'"),
        ("a\n" + "x" * 200_000, 2, "more than 131,072 characters"),
        ('{"a": 123456789012345678901234567890}', 1, "more than 64 bits"),
    ],
)
def test_a_problem_says_where_and_what_to_do(text: str, line: int, words: str) -> None:
    (problem,) = pasted_rows(text).problems

    assert problem.line == line
    assert words in problem.message


def test_an_item_beside_other_fields_is_a_field_itself() -> None:
    found = pasted_rows('{"item": {"a": 1}, "label": "x"}\n{"item": "y", "label": "z"}')

    assert items(found) == [{"item": {"a": 1}, "label": "x"}, {"item": "y", "label": "z"}]


def test_rows_keep_the_sample_that_they_bring() -> None:
    row: JsonObject = {"item": {"a": 1}, "sample": {"output_text": "b"}}

    assert [each.row for each in pasted_rows(json.dumps(row)).rows] == [row]


def test_of_many_problems_the_first_are_told_and_the_others_counted() -> None:
    found = pasted_rows("{}\n" + "{\n" * (MOST_PROBLEMS + 3))

    assert (len(found.problems), found.hidden_problems) == (MOST_PROBLEMS, 3)


@given(st.text(max_size=60))
def test_any_text_has_rows_and_problems_in_the_order_of_its_lines(text: str) -> None:
    found = pasted_rows(text)

    for told in (found.rows, found.problems):
        lines = [each.line for each in told]
        assert lines == sorted(lines)
    assert all(isinstance(each, Problem) and each.line > 0 for each in found.problems)
