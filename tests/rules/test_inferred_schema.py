"""Inferred schemas take the items that they were inferred from."""

from hypothesis import given
from hypothesis import strategies as st

from evald.contract.json_types import JsonObject
from evald.rules.inferred_schema import inferred_schema, open_schema
from evald.rules.rows import RowCheck
from tests.rules.json_values import JSON_OBJECTS


@given(st.lists(JSON_OBJECTS, min_size=1, max_size=5))
def test_all_items_fit_the_schema_that_was_inferred_from_them(items: list[JsonObject]) -> None:
    for check in (RowCheck(inferred_schema(items)), RowCheck(open_schema(items))):
        for item in items:
            check.checked({"item": item}, "row")


def test_a_schema_tells_types_and_what_all_items_have() -> None:
    items: list[JsonObject] = [{"a": 1, "b": "x"}, {"a": 1.5, "c": None}, {"a": 2, "c": [1]}]

    assert inferred_schema(items) == {
        "type": "object",
        "properties": {
            "a": {"type": "number"},
            "b": {"type": "string"},
            "c": {"type": ["array", "null"]},
        },
        "required": ["a"],
    }


def test_an_open_schema_asks_nothing_of_other_items() -> None:
    RowCheck(open_schema([{"a": 1}])).checked({"item": {"a": "x", "b": 2}}, "row")
