"""Whether rows have what a template names: a slip of the pen is told before a run is begun."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
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

MOST_LOOKED_UP: Final = 500_000
"""Places times rows that one template is held against, which takes about a second."""
_SHOWN: Final = 60
_MOST_FIELDS: Final = 12
_MOST_LINES: Final = 3
_MOST_TOLD: Final = 20


@dataclass(frozen=True, slots=True)
class TemplateUse:
    """What is wrong with a template over some rows, and what may be meant so."""

    faults: tuple[str, ...]
    notes: tuple[str, ...]


def template_use(text: str, rows: Sequence[RowAt], *, sees_sample: bool) -> TemplateUse:
    """Hold a template against the rows that it will be filled in with.

    A place that no row has is a fault, and one that some rows lack is a note. `sees_sample` says
    whether there is a sample when it is filled in. Of very many places in very many rows the first
    places are looked at, and of very many faults the first are told.
    """
    faults = [] if sees_sample else _early(text)
    names = list(_names(rows))
    faults += _misspelt(text, names)
    notes: list[str] = []
    places = _places(text, len(rows))
    for path, lacking in zip(places, _lacking(places, rows), strict=True):
        if lacking.number == len(rows):
            faults.append(f"No row has {place_text(path)}. {_fields(names)}")
        elif lacking.number:
            notes.append(f"{lacking.words()} no {place_text(path)}: nothing is put there.")
    return TemplateUse(tuple(faults[:_MOST_TOLD]), tuple(notes[:_MOST_TOLD]))


def gaps_of_row(value: JsonValue, row: JsonObject) -> Iterator[str]:
    """Give the places that the templates in a value name and this row lacks."""
    seen = RowNamespaces(row)
    for path in dict.fromkeys(paths_in(value)):
        if path.namespace == "item" and path.steps and _is_missing(path, seen):
            yield place_text(path)


@dataclass(slots=True)
class _Lacking:
    """The rows that lack a place: how many, and the lines of the first ones."""

    number: int = 0
    lines: list[int] = field(default_factory=list)

    def add(self, line: int) -> None:
        self.number += 1
        if self.number <= _MOST_LINES:
            self.lines.append(line)

    def words(self) -> str:
        told = ", ".join(f"{line:,}" for line in self.lines)
        if self.number == 1:
            return f"The row in line {told} has"
        more = f" and {self.number - _MOST_LINES:,} more" if self.number > _MOST_LINES else ""
        return f"The rows in lines {told}{more} have"


def _places(text: str, rows: int) -> list[Path]:
    """Give the places in the rows that a template names, as many as are looked up in so many rows."""
    if not rows:
        return []
    paths = (path for path in paths_in(text) if path.namespace == "item" and path.steps)
    return list(dict.fromkeys(paths))[: max(1, MOST_LOOKED_UP // rows)]


def _lacking(paths: Sequence[Path], rows: Sequence[RowAt]) -> list[_Lacking]:
    """Give for each place the rows that lack it."""
    found = [_Lacking() for _ in paths]
    for each in rows if paths else ():
        seen = RowNamespaces(each.row)  # for all places, so that each string is read once
        for path, lacking in zip(paths, found, strict=True):
            if _is_missing(path, seen):
                lacking.add(each.line)
    return found


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


def _misspelt(text: str, names: Collection[str]) -> list[str]:
    known = set(names)
    inner = dict.fromkeys(place.strip() for place in unread_places(text))
    return [
        f"{{{{ {each} }}}} is no place of a row and would stay as it is: write {reference_to(each)}."
        for each in inner
        if each in known
    ]


def _is_missing(path: Path, row: RowNamespaces) -> bool:
    try:
        return path.look_up(row) is MISSING
    except TextTooLong:
        return False


def _names(rows: Sequence[RowAt]) -> dict[str, None]:
    items = (each.row.get("item") for each in rows)
    return dict.fromkeys(name for item in items if isinstance(item, dict) for name in item)


def _fields(names: Sequence[str]) -> str:
    told = ", ".join(name[:_SHOWN] for name in names[:_MOST_FIELDS])
    more = f" and {len(names) - _MOST_FIELDS:,} more" if len(names) > _MOST_FIELDS else ""
    return f"The fields are {told}{more}." if names else "The rows have no fields."
