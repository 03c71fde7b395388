"""Whether rows have what a template names: a slip of the pen is told before a run is begun."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from evald.contract.json_types import JsonObject, JsonValue
from evald.rules.pasted_rows import RowAt
from evald.rules.template import (
    MISSING,
    Path,
    RowNamespaces,
    TextTooLong,
    paths_in,
    unread_places,
)

_SHOWN: Final = 60
_MOST_FIELDS: Final = 12
_MOST_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class TemplateUse:
    """What is wrong with a template over some rows, and what may be meant so."""

    faults: tuple[str, ...]
    notes: tuple[str, ...]


def template_use(text: str, rows: Sequence[RowAt], *, sees_sample: bool) -> TemplateUse:
    """Hold a template against the rows that it will be filled in with.

    A place that no row has is a fault, and one that some rows lack is a note. `sees_sample` says
    whether there is a sample when it is filled in.
    """
    faults = [] if sees_sample else _early(text)
    faults += _misspelt(text, rows)
    notes: list[str] = []
    for path in dict.fromkeys(paths_in(text)):
        if path.namespace != "item" or not path.steps or not rows:
            continue
        lacking = [each.line for each in rows if _is_missing(path, each.row)]
        if len(lacking) == len(rows):
            faults.append(f"No row has {place_text(path)}. {_fields(rows)}")
        elif lacking:
            notes.append(f"{_lines(lacking)} no {place_text(path)}: nothing is put there.")
    return TemplateUse(tuple(faults), tuple(notes))


def gaps_of_row(value: JsonValue, row: JsonObject) -> Iterator[str]:
    """Give the places that the templates in a value name and this row lacks."""
    for path in dict.fromkeys(paths_in(value)):
        if path.namespace == "item" and path.steps and _is_missing(path, row):
            yield place_text(path)


def place_text(path: Path) -> str:
    """Give a path as it is written in a template, without its braces."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path.steps)
    text = path.namespace + "".join(steps)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def reference_to(field: str) -> str:
    """Give the reference to a field of the items, as a template has it."""
    is_plain = not any(mark in field for mark in ".[]{}") and field == field.strip()
    return f"{{{{ item.{field} }}}}" if is_plain else f"{{{{ item['{field}'] }}}}"


def _early(text: str) -> list[str]:
    if any(path.namespace == "sample" for path in paths_in(text)):
        return ["The prompt names the sample, and there is none before the model has answered."]
    return []


def _misspelt(text: str, rows: Sequence[RowAt]) -> list[str]:
    names = _names(rows)
    inner = dict.fromkeys(place.strip() for place in unread_places(text))
    return [
        f"{{{{ {each} }}}} is no place of a row and would stay as it is: write {reference_to(each)}."
        for each in inner
        if each in names
    ]


def _is_missing(path: Path, row: JsonObject) -> bool:
    try:
        return path.look_up(RowNamespaces(row)) is MISSING
    except TextTooLong:
        return False


def _names(rows: Sequence[RowAt]) -> dict[str, None]:
    items = (each.row.get("item") for each in rows)
    return dict.fromkeys(name for item in items if isinstance(item, dict) for name in item)


def _fields(rows: Sequence[RowAt]) -> str:
    names = list(_names(rows))
    told = ", ".join(name[:_SHOWN] for name in names[:_MOST_FIELDS])
    more = f" and {len(names) - _MOST_FIELDS:,} more" if len(names) > _MOST_FIELDS else ""
    return f"The fields are {told}{more}." if names else "The rows have no fields."


def _lines(lacking: Sequence[int]) -> str:
    told = ", ".join(f"{line:,}" for line in lacking[:_MOST_LINES])
    if len(lacking) == 1:
        return f"The row in line {told} has"
    more = f" and {len(lacking) - _MOST_LINES:,} more" if len(lacking) > _MOST_LINES else ""
    return f"The rows in lines {told}{more} have"
