"""What the address of a report asks for of its items: which, in which order, which columns, which page.

Every choice of a reader is in the address. What cannot be read there is passed over, so that any
address opens a report.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from evald.rules.item_query import ItemQuery
from evald.rules.item_query_words import LONGEST_NAME, Parameters, read_query, written_query

MOST_COLUMNS: Final = 20
LONGEST_CURSOR: Final = 1_000
FORM_MARK: Final = "set"
"""The parameter by which a form says that its fields are still to be put together."""

_COLUMN: Final = re.compile(r"input|output|expected|latency|tokens|c(0|[1-9][0-9]{0,5})|f\.[^,]+")
_LIMIT: Final = re.compile(r"(latency|tokens|s[0-9]{1,6})\.(from|to)")


@dataclass(frozen=True)
class ItemsAsked:
    """One page of a list of items. `columns` is empty for the usual ones, `item` is the open one."""

    query: ItemQuery = field(default_factory=ItemQuery)
    columns: tuple[str, ...] = ()
    after: str | None = None
    before: str | None = None
    item: str | None = None

    def at_start(self, query: ItemQuery) -> "ItemsAsked":
        """Give the first page of another list, with nothing open and the same columns."""
        return ItemsAsked(query, self.columns)

    def opened(self, item: str | None) -> "ItemsAsked":
        """Give the same page with this item open, or none."""
        return replace(self, item=item)


def read_asked(parameters: Parameters, criteria: int) -> ItemsAsked:
    """Read what an address asks for, of an eval with so many criteria."""
    parameters = _joined(parameters)
    single = {name: value for name, value in reversed(parameters) if value}
    before = _cursor(single.get("before"))
    return ItemsAsked(
        query=read_query(parameters, criteria).query,
        columns=_columns(parameters, criteria),
        after=None if before else _cursor(single.get("after")),
        before=before,
        item=_cursor(single.get("item")),
    )


def written_asked(asked: ItemsAsked) -> list[tuple[str, str]]:
    """Give the parameters of an address that asks for this."""
    written = [
        *written_query(asked.query),
        ("columns", ",".join(asked.columns)),
        ("after", asked.after or ""),
        ("before", asked.before or ""),
        ("item", asked.item or ""),
    ]
    return [(name, value) for name, value in written if value]


def is_of_a_form(parameters: Parameters) -> bool:
    """Say whether a form sent this, so that its address is not the one to keep."""
    return any(name == FORM_MARK for name, _ in parameters)


def _joined(parameters: Parameters) -> list[tuple[str, str]]:
    """Give the fields of a form as an address has them: two limits as a range, a field and its value."""
    joined = [(name, value) for name, value in parameters if not _LIMIT.fullmatch(name)]
    limits: dict[str, dict[str, str]] = {}
    for name, value in parameters:
        if found := _LIMIT.fullmatch(name):
            limits.setdefault(found[1], {})[found[2]] = value.strip()
    for name, each in limits.items():
        low, high = each.get("from", ""), each.get("to", "")
        joined.append((name, f"{low}..{high}" if low or high else ""))
    given = dict(joined)
    if given.get("field") and given.get("value"):
        joined.append((f"f.{given['field'].strip()}", given["value"]))
    return joined


def _columns(parameters: Iterable[tuple[str, str]], criteria: int) -> tuple[str, ...]:
    asked = [key for name, value in parameters if name == "columns" for key in value.split(",")]
    known = [key for key in asked if _is_column(key, criteria)]
    return tuple(dict.fromkeys(known))[:MOST_COLUMNS]


def _is_column(key: str, criteria: int) -> bool:
    if not _COLUMN.fullmatch(key) or len(key) > LONGEST_NAME:
        return False
    return not re.fullmatch("c[0-9]+", key) or int(key[1:]) < criteria


def _cursor(text: str | None) -> str | None:
    return text if text and len(text) <= LONGEST_CURSOR else None
