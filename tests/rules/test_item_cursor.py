"""Cursors of items: what was given out comes back, and anything else is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.errors import BadRequest
from evald.rules.item_cursor import LAST_ROW, ItemPlace, place_of
from evald.rules.item_query import Sort

BY_LATENCY = Sort("latency")


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, LAST_ROW))
def test_a_place_comes_back_exactly(value: float, row: int) -> None:
    place = ItemPlace(value, row)

    assert place_of(place.as_text(BY_LATENCY), BY_LATENCY) == place


def test_a_list_by_row_has_short_cursors() -> None:
    assert ItemPlace(0.0, 7).as_text(Sort()) == "row~7"
    assert place_of("row~7", Sort(is_descending=True)) == ItemPlace(0.0, 7)


@pytest.mark.parametrize("sort", [Sort(), BY_LATENCY, Sort("score", 2)])
@pytest.mark.parametrize(
    "cursor",
    [
        *("", "7", "row~", "row~-1", "row~4294967296", "row~٣", "row~1~2", "score1~0.5~7"),
        *("latency~nan~7", "latency~inf~7", "latency~x~7", "latency~7", "latency~~7", "\x00~1"),
    ],
)
def test_what_is_no_place_in_the_list_is_refused(cursor: str, sort: Sort) -> None:
    with pytest.raises(BadRequest, match="no place"):
        place_of(cursor, sort)
