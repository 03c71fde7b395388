"""Rows that people paste or upload: JSON Lines, or a table with a heading line.

Each row comes with the line that it begins in, and so does each problem, with what to do about it.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import StringIO
from itertools import chain
from typing import Final, Literal, TypeAlias

from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.validation import json_type
from evald.rules import json_text

Form: TypeAlias = Literal["JSON Lines", "CSV", "TSV", "CSV with semicolons"]
_DELIMITERS: Final[dict[Form, str]] = {"TSV": "\t", "CSV": ",", "CSV with semicolons": ";"}
MOST_PROBLEMS: Final = 20
MOST_COLUMNS: Final = 1_000
_SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class RowAt:
    """A row as a run takes it, with its `item`, and the line from 1 that it begins in."""

    line: int
    row: JsonObject
    is_wrapped: bool = True
    """Whether the line held the fields of the item alone, which were put into an `item`."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a line, and what to do."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class PastedRows:
    """All rows of a text, and what is wrong with it; the first problems only are told."""

    form: Form
    rows: tuple[RowAt, ...]
    problems: tuple[Problem, ...]
    hidden_problems: int = 0


def pasted_rows(text: str) -> PastedRows:
    """Give the rows of a text, in whichever form it is."""
    form, found = rows_in(StringIO(text.removeprefix("\ufeff"), newline=""))
    rows: list[RowAt] = []
    problems: list[Problem] = []
    for each in found:
        if isinstance(each, RowAt):
            rows.append(each)
        else:
            problems.append(each)
    hidden = max(0, len(problems) - MOST_PROBLEMS)
    return PastedRows(form, tuple(rows), tuple(problems[:MOST_PROBLEMS]), hidden)


def rows_in(lines: Iterable[str]) -> tuple[Form, Iterator[RowAt | Problem]]:
    """Give the form of a text, and its rows and problems in order. Lines keep their ends."""
    rest = iter(lines)
    blank: list[str] = []
    for first in rest:
        blank.append(first)
        if first.strip():
            break
    form = form_of(blank[-1] if blank else "")
    whole = chain(blank, rest)
    if form == "JSON Lines":
        return form, _json_rows(whole)
    return form, _table_rows(whole, form)


def form_of(first_line: str) -> Form:
    """Give the form of a text, by its first line that is not blank.

    The heading of a table is parted by whichever of tab, comma and semicolon there are most of.
    """
    if first_line.lstrip().startswith(("{", "[")):
        return "JSON Lines"
    most = max(_DELIMITERS.items(), key=lambda each: first_line.count(each[1]))
    return most[0] if most[1] in first_line else "CSV"


def _json_rows(lines: Iterable[str]) -> Iterator[RowAt | Problem]:
    is_whole: bool | None = None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        found = _json_object(line, number)
        if isinstance(found, Problem):
            yield found
            continue
        is_whole = _is_whole_row(found) if is_whole is None else is_whole
        if not is_whole:
            yield RowAt(number, {"item": found})
        elif _is_whole_row(found):
            yield RowAt(number, found, is_wrapped=False)
        else:
            yield Problem(
                number,
                'the first row has its fields inside "item", and this one has not. Write all rows '
                "alike.",
            )


def _json_object(line: str, number: int) -> JsonObject | Problem:
    try:
        value = json_text.parse(line.strip().encode(errors="surrogatepass"))
    except json_text.BadJson as error:
        return Problem(
            number, f"this is not valid JSON: {error}. A row is one JSON object in one line."
        )
    if isinstance(value, dict):
        return value
    return Problem(number, f"a row is one JSON object in one line, not {json_type(value)}.")


def _is_whole_row(value: JsonObject) -> bool:
    """Say whether an object is a row as the API has it, and not the fields of one."""
    return isinstance(value.get("item"), dict) and value.keys() <= {"item", "sample"}


def _table_rows(lines: Iterable[str], form: Form) -> Iterator[RowAt | Problem]:
    names: list[str] | None = None
    for line, cells in _records(lines, _DELIMITERS[form]):
        if isinstance(cells, Problem):
            yield cells
        elif names is None:
            names = [name.strip() for name in cells]
            if (problem := _problem_of_heading(names, line)) is not None:
                yield problem
                return
        elif len(cells) != len(names):
            yield Problem(line, _ragged(len(cells), len(names)))
        else:
            item: dict[str, JsonValue] = dict(zip(names, cells, strict=True))
            yield RowAt(line, {"item": item})


def _records(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str] | Problem]]:
    """Give the records of a table that are not blank, each with the line that it begins in."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, Problem(line, _plain(str(error)))
            continue
        if any(cell.strip() for cell in cells):
            yield line, cells


def _plain(reason: str) -> str:
    """Say in plain words what the reader of tables found."""
    if "field limit" in reason:
        return (
            f"a cell has more than {csv.field_size_limit():,} characters. Close its quotes, or send "
            "such rows as JSON Lines."
        )
    if "unexpected end" in reason:
        return (
            'a cell that begins with a quote (") is not closed up to the end of the text. Close it.'
        )
    return (
        'a quoted cell goes on behind its closing quote. Inside of quotes, write a quote (") twice.'
    )


def _ragged(cells: int, names: int) -> str:
    has = f"{cells:,} {'cell' if cells == 1 else 'cells'}"
    return (
        f"this row has {has}, and the heading names {names:,}. Put quotes around a cell that holds a "
        "separator or a line break."
    )


def _problem_of_heading(names: list[str], line: int) -> Problem | None:
    if len(names) > MOST_COLUMNS:
        return Problem(line, f"the heading names more than {MOST_COLUMNS:,} columns.")
    for number, name in enumerate(names, start=1):
        if not name:
            return Problem(line, f"column {number} has no name. The first line names all columns.")
        if name in names[: number - 1]:
            return Problem(line, f"two columns are called '{name[:_SHOWN]}'. Rename one of them.")
    return None
