"""Where a page of items ends, as a short text in an address."""

from dataclasses import dataclass
from math import isfinite
from typing import Final

from evald.errors import BadRequest
from evald.rules.item_query import Sort

LAST_ROW: Final = 2**32 - 1
"""No row has a larger number."""


@dataclass(frozen=True, slots=True)
class ItemPlace:
    """A place in a list of items: what it is sorted by, and the row."""

    value: float
    """0 in a list by row."""
    row: int

    def as_text(self, sort: Sort) -> str:
        """Give the cursor of this place in a list that is sorted so."""
        if sort.key == "row":
            return f"row~{self.row}"
        return f"{_list(sort)}~{self.value!r}~{self.row}"


def place_of(cursor: str, sort: Sort) -> ItemPlace:
    """Give the place of a cursor. Raises BadRequest when it is none of a list that is sorted so."""
    of_list, _, rest = cursor.partition("~")
    value, _, row = rest.rpartition("~")
    if of_list != _list(sort) or (value == "") != (sort.key == "row"):
        raise _unknown(cursor)
    if not (row.isascii() and row.isdecimal() and len(row) <= 10 and int(row) <= LAST_ROW):
        raise _unknown(cursor)
    try:
        number = float(value or 0)
    except ValueError:
        raise _unknown(cursor) from None
    if not isfinite(number):
        raise _unknown(cursor)
    return ItemPlace(number, int(row))


def _list(sort: Sort) -> str:
    return f"score{sort.criterion}" if sort.key == "score" else sort.key


def _unknown(cursor: str) -> BadRequest:
    return BadRequest(
        f"There is no place '{cursor[:80]}' in this list of items. Begin at its first page.",
        param="after",
        code="invalid_value",
    )
