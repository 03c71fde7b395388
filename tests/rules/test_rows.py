"""Rows: their form, their fit to the schema of their eval, and schemas that mean harm."""

import socket
from contextlib import suppress

import pytest
from hypothesis import given

from evald.contract.json_types import JsonObject, JsonValue
from evald.rules.rows import BACKTRACKS, LONGEST_REASON, BadRow, BadSchema, RowCheck
from tests.rules.json_values import JSON_OBJECTS, JSON_VALUES, ends_within, nested

ANYTHING = RowCheck({})
TICKET = RowCheck(
    {
        "type": "object",
        "properties": {
            "ticket": {"type": "string"},
            "teams": {"type": "array", "items": {"enum": ["billing", "shipping"]}},
            "template": {"type": "string"},
            "a.b": {"type": "number"},
            "deep": {"properties": {"jsonl": {"properties": {"x": {"type": "null"}}}}},
        },
        "required": ["ticket"],
    }
)


@given(JSON_OBJECTS, JSON_OBJECTS)
def test_a_row_keeps_its_item_and_its_sample_and_nothing_else(
    item: JsonObject, sample: JsonObject
) -> None:
    row: JsonObject = {"item": item, "sample": sample, "id": 7, "comment": "x"}

    assert ANYTHING.checked(row, "row 1") == {"item": item, "sample": sample}


@pytest.mark.parametrize("row", [{"item": {"a": 1}}, {"item": {"a": 1}, "sample": None}])
def test_a_row_without_a_sample_has_none(row: JsonObject) -> None:
    assert ANYTHING.checked(row, "row 1") == {"item": {"a": 1}}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (None, "line 3 must be an object with an 'item', not null."),
        ("text", "line 3 must be an object with an 'item', not a string."),
        ([{"item": {}}], "line 3 must be an object with an 'item', not an array."),
        ({}, 'line 3.item is missing: write a row as {"item": {…}}.'),
        ({"q": "x"}, 'line 3.item is missing: write a row as {"item": {…}}.'),
        ({"item": None}, "line 3.item must be an object, not null."),
        ({"item": 5}, "line 3.item must be an object, not a number."),
        ({"item": True}, "line 3.item must be an object, not a boolean."),
        ({"item": {}, "sample": "4"}, "line 3.sample must be an object, not a string."),
        ({"item": {}, "sample": []}, "line 3.sample must be an object, not an array."),
    ],
)
def test_a_row_of_another_form_is_refused_with_its_place(row: JsonValue, message: str) -> None:
    with pytest.raises(BadRow) as refused:
        ANYTHING.checked(row, "line 3")

    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("item", "path"),
    [
        ({}, "line 3.item"),
        ({"ticket": 5}, "line 3.item.ticket"),
        ({"ticket": "x", "teams": ["billing", "sales"]}, "line 3.item.teams[1]"),
        ({"ticket": "x", "template": 5}, "line 3.item.template"),
        ({"ticket": "x", "a.b": "5"}, "line 3.item.a.b"),
        ({"ticket": "x", "deep": {"jsonl": {"x": 1}}}, "line 3.item.deep.jsonl.x"),
    ],
)
def test_a_row_that_does_not_fit_is_refused_with_its_path(item: JsonObject, path: str) -> None:
    with pytest.raises(BadRow) as refused:
        TICKET.checked({"item": item}, "line 3")

    assert str(refused.value).startswith(f"{path} does not fit the eval's item_schema: ")


def test_a_message_is_short_however_long_the_row() -> None:
    with pytest.raises(BadRow) as refused:
        TICKET.checked({"item": {"ticket": ["x" * 100_000]}}, "line 3")

    assert len(str(refused.value)) < LONGEST_REASON + 100


@given(JSON_VALUES)
def test_any_row_is_taken_or_refused(row: JsonValue) -> None:
    for check in (ANYTHING, TICKET):
        with suppress(BadRow):
            assert check.checked({"item": row}, "row 1") == {"item": row}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"properties": {"a": {"const": 1}}},
        {"properties": {"a": {"uniqueItems": True}}},
        {"properties": {"a": {"items": {"$ref": "#/properties/a"}}}},
    ],
)
def test_a_row_deeper_than_can_be_kept_is_refused_by_any_schema(schema: JsonObject) -> None:
    with pytest.raises(BadRow, match=r"^row 1 cannot be kept: .*254 levels"):
        RowCheck(schema).checked({"item": {"a": [nested(1000), nested(1000)]}}, "row 1")


def test_a_deep_row_under_a_deep_schema_does_not_overrun_the_stack() -> None:
    deep: JsonObject = {"items": {"$ref": "#/$defs/deep"}}
    for _ in range(30):
        deep = {"not": {"not": deep}}
    check = RowCheck({"$defs": {"deep": deep}, "properties": {"a": {"$ref": "#/$defs/deep"}}})

    assert check.checked({"item": {"a": nested(252)}}, "row 1")
    with pytest.raises(BadRow):
        check.checked({"item": {"a": nested(1000)}}, "row 1")


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "objekt"},
        {"type": 5},
        {"required": "ticket"},
        {"properties": {"a": 5}},
        {"properties": {"a": {"pattern": "("}}},
        {"properties": {"a": {"minimum": "0"}}},
        {"$ref": "#/$defs/absent"},
        {"$schema": "https://example.org/own-schema"},
        {"$schema": 5},
        {"items": nested(1000)},
    ],
)
def test_a_schema_that_is_none_is_refused_with_a_short_reason(schema: JsonObject) -> None:
    with pytest.raises(BadSchema) as refused:
        RowCheck(schema)

    assert 0 < len(str(refused.value)) <= LONGEST_REASON + 50
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("path", ["other.json", "/etc/passwd", "file:///etc/passwd"])
def test_a_schema_that_refers_to_a_file_is_refused(path: str) -> None:
    with pytest.raises(BadSchema):
        RowCheck({"properties": {"a": {"$ref": path}}})


@pytest.mark.parametrize("keyword", ["$ref", "$dynamicRef", "$schema"])
def test_a_schema_that_refers_to_a_url_is_refused_and_nobody_is_called(keyword: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/schema.json"

        with pytest.raises(BadSchema):
            RowCheck({keyword: url})

        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}]},
        {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]},
        {"$dynamicRef": "#x", "$dynamicAnchor": "x"},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
    ],
)
def test_a_schema_that_applies_itself_to_the_same_value_is_refused(schema: JsonObject) -> None:
    with pytest.raises(BadSchema, match="without end"):
        RowCheck(schema)


def test_references_within_a_schema_are_followed() -> None:
    check = RowCheck(
        {"properties": {"a": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"type": "number"}}}
    )

    assert check.checked({"item": {"a": 1}}, "row 1")
    with pytest.raises(BadRow, match=r"^row 1\.item\.a "):
        check.checked({"item": {"a": "1"}}, "row 1")


def test_a_pattern_that_backtracks_gives_up_and_counts_as_no_match() -> None:
    check = RowCheck({"properties": {"a": {"pattern": r"^(?=(a+)+$)(a+)+$"}}})

    with ends_within(30):
        assert check.checked({"item": {"a": "a" * 40}}, "row 1")
        with pytest.raises(BadRow, match=r"^row 1\.item\.a "):
            check.checked({"item": {"a": "a" * 5000 + "!"}}, "row 1")
    assert BACKTRACKS < 10**7


@pytest.mark.parametrize("pattern", ["((a{1000}){1000}){1000}", r"(?=x)((\w{300}){300})"])
def test_a_pattern_that_would_fill_the_memory_is_refused(pattern: str) -> None:
    with ends_within(30), pytest.raises(BadSchema):
        RowCheck({"properties": {"a": {"pattern": pattern}}})


@pytest.mark.parametrize("text", ["x" * 200, "ab12", "é" * 50])
def test_ordinary_patterns_match_as_in_json_schema(text: str) -> None:
    check = RowCheck({"properties": {"a": {"pattern": "^(?!.*secret)[a-z0-9é]+$"}}})

    assert check.checked({"item": {"a": text}}, "row 1")
    with pytest.raises(BadRow):
        check.checked({"item": {"a": f"{text}secret"}}, "row 1")
