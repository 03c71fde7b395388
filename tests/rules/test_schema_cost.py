"""What a schema costs is counted: no row and no schema can keep the server busy for long."""

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.contract.json_types import JsonObject, JsonValue
from evald.rules.rows import MOST_CHECKS, BadRow, RowCheck
from evald.rules.schema_cost import (
    ENDLESS,
    LARGEST,
    LONGEST_CHAIN,
    MOST_ON_ONE_VALUE,
    SchemaCost,
    TooCostly,
)
from evald.rules.subschemas import Unresolved

ENDS_WITHIN_S = 120
"""Far beyond what any machine needs; what hangs is ended, for nothing else would end it."""


def test_a_schema_without_parts_is_one_check() -> None:
    cost = SchemaCost({})

    assert (cost.checks(0), cost.checks(254), cost.chain) == (1, 1, 1)


def test_schemas_of_one_value_add_up_and_those_of_several_values_do_not() -> None:
    schema: JsonObject = {
        "allOf": [{}, {"type": "object"}],
        "properties": {"a": {"anyOf": [{}, {}, {}]}, "b": {"not": {}}},
        "additionalProperties": {"if": {}, "then": {}},
    }

    cost = SchemaCost(schema)

    # At "a" stand its own 4 checks and, since nothing is left out of the count, the 3 of all others.
    assert (cost.checks(0), cost.checks(1)) == (3, 7)


TREES: dict[str, JsonObject] = {
    "two branches": {"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}},
    "a list of branches": {"properties": {"branches": {"items": {"$ref": "#"}}}},
    "named branches": {"additionalProperties": {"$ref": "#"}},
    "branches that may be null": {
        "$defs": {
            "Node": {
                "properties": {
                    "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
                    "all": {"items": {"$ref": "#/$defs/Node"}},
                }
            }
        },
        "$ref": "#/$defs/Node",
    },
    "by an id": {"$id": "T0", "properties": {"branches": {"items": {"$ref": "T0"}}}},
    "by an address": {
        "$id": "https://example.org/schemas/tree.json",
        "properties": {"branches": {"items": {"$ref": "tree.json#"}}},
    },
    "by an anchor": {"$anchor": "tree", "items": {"$ref": "#tree"}},
    "by a dynamic anchor": {
        "$dynamicAnchor": "tree",
        "properties": {"branches": {"items": {"$dynamicRef": "#tree"}}},
    },
    "in draft 7": {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "definitions": {"tree": {"properties": {"next": {"$ref": "#/definitions/tree"}}}},
        "allOf": [{"$ref": "#/definitions/tree"}],
    },
}


@pytest.mark.parametrize("schema", TREES.values(), ids=TREES)
def test_a_tree_costs_no_more_the_deeper_it_is(schema: JsonObject) -> None:
    cost = SchemaCost(schema)

    assert cost.checks(254) == cost.checks(4) < 20
    assert RowCheck(schema)


def test_a_tree_of_several_kinds_is_taken_and_its_depth_is_what_costs() -> None:
    kinds: list[JsonValue] = [{"$ref": "#/$defs/sum"}, {"$ref": "#/$defs/product"}]
    sides: JsonObject = {"left": {"$ref": "#/$defs/any"}, "right": {"$ref": "#/$defs/any"}}
    check = RowCheck(
        {
            "$defs": {
                "any": {"anyOf": [*kinds, {"type": "number"}]},
                "sum": {"properties": {**sides, "kind": {"const": "sum"}}},
                "product": {"properties": {**sides, "kind": {"const": "product"}}},
            },
            "$ref": "#/$defs/any",
        }
    )

    assert check.checked({"item": of_sides(10)}, "row 1")
    with pytest.raises(BadRow, match=r"^row 1\.item is too large or too deep "):
        check.checked({"item": of_sides(100)}, "row 1")


def of_sides(depth: int) -> JsonObject:
    value: JsonObject = {"kind": "product", "left": 1, "right": 2}
    for _ in range(depth):
        value = {"kind": "product", "left": value, "right": 2}
    return value


def doubled(levels: int, keyword: str = "allOf", **also: JsonValue) -> JsonObject:
    """Give a schema of which each part applies the next one twice."""
    defs: JsonObject = {
        str(level): {keyword: [{"$ref": f"#/$defs/{level + 1}"}] * 2, **also}
        for level in range(levels)
    }
    return {"$ref": "#/$defs/0", "$defs": {**defs, str(levels): {"type": "object"}}}


def chain_of(length: int) -> JsonObject:
    defs: JsonObject = {str(n): {"$ref": f"#/$defs/{n + 1}"} for n in range(length)}
    return {"$ref": "#/$defs/0", "$defs": {**defs, str(length): {}}}


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (doubled(30), f"more than {MOST_ON_ONE_VALUE:,} schemas"),
        (doubled(30, "anyOf"), f"more than {MOST_ON_ONE_VALUE:,} schemas"),
        (doubled(6, unevaluatedProperties=False), f"more than {MOST_ON_ONE_VALUE:,} schemas"),
        (chain_of(LONGEST_CHAIN), f"more than {LONGEST_CHAIN} of its"),
        (chain_of(100_000), f"more than {LONGEST_CHAIN} of its"),
        ({"properties": {str(n): {} for n in range(LARGEST + 1)}}, f"{LARGEST:,} parts"),
        ({"$ref": "#"}, "without end"),
        ({"not": {"anyOf": [{"$ref": "#"}]}}, "without end"),
        ({"items": {"allOf": [{"$ref": "#/items"}]}}, "without end"),
    ],
)
def test_a_schema_that_costs_too_much_is_refused(schema: JsonObject, reason: str) -> None:
    with pytest.raises(TooCostly, match=reason):
        SchemaCost(schema)


def test_just_as_much_as_is_allowed_is_taken() -> None:
    assert SchemaCost(doubled(11)).checks(0) <= MOST_ON_ONE_VALUE
    assert SchemaCost(chain_of(LONGEST_CHAIN - 2)).chain == LONGEST_CHAIN
    assert SchemaCost({"properties": {str(n): {} for n in range(LARGEST)}})


@pytest.mark.parametrize(
    "reference", ["#/$defs/b", "#b", "b.json", "https://example.org/a", "#/$defs/list/5", "#/a/b"]
)
def test_a_reference_to_nothing_is_said(reference: str) -> None:
    schema: JsonObject = {"$ref": reference, "$defs": {"a": {"$anchor": "a"}, "list": [{}]}}

    with pytest.raises(Unresolved, match="refers to nothing"):
        SchemaCost(schema)


def nested_resources(number: int) -> JsonObject:
    schema: JsonObject = {}
    for place in range(number):
        schema = {"$id": f"r{place}", "$defs": {"x": schema}}
    return schema


NAMED_RESOURCES: JsonObject = {
    "$defs": {
        "one": {"$id": "one", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"type": "string"}}},
        "two": {"$id": "two", "$defs": {"b": {"$ref": "#/$defs/a"}, "a": {"type": "string"}}},
    },
    "properties": {"x": {"$ref": "one#/$defs/a"}, "y": {"$ref": "two#/$defs/b"}},
}


@pytest.mark.parametrize(
    "schema",
    [
        {"$defs": {"any": True}, "properties": {"a": {"$ref": "#/$defs/any"}}},
        {"properties": {"id": {"type": "string"}, "a": {"$ref": "#/$defs/b"}}, "$defs": {"b": {}}},
        {"$id": "http://h/root", "$defs": {"b": {}}, "properties": {"a": {"$ref": "#/$defs/b"}}},
        NAMED_RESOURCES,
    ],
)
def test_references_that_lead_somewhere_are_taken(schema: JsonObject) -> None:
    assert SchemaCost(schema).checks(1) < 10


def test_each_choice_of_an_enum_counts_with_its_parts() -> None:
    choices: list[JsonValue] = [{"a": [n]} for n in range(1_000)]

    assert SchemaCost({"items": {"enum": choices}}).checks(1) == 1 + 1_000 * 3
    assert SchemaCost({"items": {"enum": list(range(640))}}).checks(1) == 1 + 10


def test_a_pattern_counts_for_every_property_whatever_it_asks_of_it() -> None:
    patterns: JsonObject = {f"^{n}": True for n in range(1_000)}

    assert SchemaCost({"patternProperties": patterns}).checks(1) == 1_000


@pytest.mark.parametrize(
    "schema",
    [
        {"$defs": {str(n): {"$id": "same"} for n in range(17)}},
        {"$defs": {str(n): {"$anchor": "same"} for n in range(17)}},
        nested_resources(20),
    ],
)
def test_names_that_could_mean_many_schemas_are_refused(schema: JsonObject) -> None:
    with pytest.raises(Unresolved, match="more than 16"):
        SchemaCost(schema)


def test_what_grows_with_the_depth_of_a_row_is_counted_up_to_the_end_of_patience() -> None:
    cost = SchemaCost({"allOf": [{"properties": {"a": {"$ref": "#"}}}] * 2})

    assert [cost.checks(depth) for depth in (0, 1, 2, 10)] == [3, 8, 16, 2**12]
    assert cost.checks(254) >= ENDLESS > MOST_CHECKS


NAMES = st.sampled_from(["a", "b"])
REFERENCES: st.SearchStrategy[JsonValue] = st.sampled_from(["x", "y", "z"]).map(
    lambda name: {"$ref": f"#/$defs/{name}"}
)


def _schemas(parts: st.SearchStrategy[JsonValue]) -> st.SearchStrategy[JsonValue]:
    some = st.lists(parts, min_size=1, max_size=2)
    named = st.dictionaries(NAMES, parts, max_size=2)
    optional: Any = {"allOf": some, "not": parts, "properties": named, "patternProperties": named}
    optional |= {"items": parts, "prefixItems": some, "additionalProperties": parts}
    return st.fixed_dictionaries({}, optional=optional)


SCHEMAS = st.recursive(st.just({}) | REFERENCES, _schemas, max_leaves=6)
ITEMS: st.SearchStrategy[JsonValue] = st.recursive(
    st.none(),
    lambda values: st.lists(values, max_size=2) | st.dictionaries(NAMES, values, max_size=2),
    max_leaves=8,
)


@given(st.fixed_dictionaries({"x": SCHEMAS, "y": SCHEMAS, "z": SCHEMAS}), SCHEMAS, ITEMS)
def test_no_row_costs_more_than_was_counted(
    defs: dict[str, JsonValue], root: JsonValue, item: JsonValue
) -> None:
    schema: JsonObject = {"$defs": defs, "allOf": [root]}
    try:
        cost = SchemaCost(schema)
    except TooCostly:
        return

    for at, depth, checks in done(schema, schema, item):
        assert checks <= cost.checks(depth), at


def done(root: JsonObject, schema: JsonValue, item: JsonValue) -> list[tuple[str, int, int]]:
    """Do what a checker does that never stops early; give the checks of each value."""
    counted: dict[tuple[str, int], int] = {}

    def apply(part: Any, value: Any, at: str, depth: int) -> None:
        counted[at, depth] = counted.get((at, depth), 0) + 1
        if "$ref" in part:
            apply(root["$defs"][part["$ref"].rpartition("/")[2]], value, at, depth)  # type: ignore[index]
        for each in [*part.get("allOf", []), *([part["not"]] if "not" in part else [])]:
            apply(each, value, at, depth)
        for step, each, inner in steps(part, value):
            apply(each, inner, f"{at}/{step}", depth + 1)

    apply(schema, item, "", 0)
    return [(at, depth, checks) for (at, depth), checks in counted.items()]


def steps(part: Any, value: Any) -> list[tuple[str, Any, Any]]:
    if isinstance(value, list):
        first = part.get("prefixItems", [])
        pairs = [(str(n), each, value[n]) for n, each in enumerate(first) if n < len(value)]
        rest = enumerate(value[len(first) :], len(first))
        return pairs + (
            [(str(n), part["items"], each) for n, each in rest] if "items" in part else []
        )
    found = []
    for name, inner in (value or {}).items():
        named = [part[word][name] for word in ("properties",) if name in part.get(word, {})]
        named += [each for word, each in part.get("patternProperties", {}).items() if word in name]
        if not named and "additionalProperties" in part:
            named = [part["additionalProperties"]]
        found += [(name, each, inner) for each in named]
    return found


ONE_ROW = """
import json, sys
from evald.rules.rows import BadRow, BadSchema, RowCheck
schema, item = json.load(sys.stdin)
try:
    RowCheck(schema).checked({"item": item}, "row 1")
except (BadRow, BadSchema) as error:
    print(error)
"""


def wrapped(depth: int, inside: JsonValue) -> JsonValue:
    for _ in range(depth):
        inside = {"a": inside}
    return inside


A_THIRTY_TIMES_ANY: JsonObject = {
    "$ref": "#/$defs/0",
    "$defs": {
        **{str(n): {"anyOf": [{"$ref": f"#/$defs/{n + 1}"}]} for n in range(30)},
        "30": {"properties": {"a": {"$ref": "#/$defs/0"}}, "required": ["a"]},
    },
}

HOSTILE: dict[str, tuple[JsonObject, JsonValue]] = {
    "the bomb": (doubled(30), {}),
    "the bomb in alternatives": (doubled(30, "oneOf"), {"a": 1}),
    "the bomb with unevaluated": (doubled(12, "anyOf", unevaluatedProperties=False), {"a": 1}),
    "a bomb that just passes, which nothing fits": (
        {"properties": {"a": {"items": {**doubled(11, "anyOf"), "type": "object"}}}},
        {"a": [1] * 1_000},
    ),
    "a bomb that just passes, for many values": (
        {"properties": {"a": {"items": doubled(11)}}},
        {"a": [{}] * 1_000_000},
    ),
    "double at each level": (
        {"allOf": [{"properties": {"a": {"$ref": "#"}}}] * 2},
        wrapped(250, {}),
    ),
    "double by a pattern": (
        {"properties": {"a": {"$ref": "#"}}, "patternProperties": {".": {"$ref": "#"}}},
        wrapped(250, {}),
    ),
    "a long chain": (chain_of(100_000), {}),
    "a chain at each level of a deep row that does not fit": (A_THIRTY_TIMES_ANY, wrapped(250, {})),
}


@pytest.mark.parametrize(("schema", "item"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_schema_ends_in_a_process_that_lives(schema: JsonObject, item: JsonValue) -> None:
    # In a process of its own: no alarm and no exception can end what the checker has begun.
    ended = subprocess.run(
        [sys.executable, "-c", ONE_ROW],
        input=json.dumps([schema, item]).encode(),
        capture_output=True,
        timeout=ENDS_WITHIN_S,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, b"")
