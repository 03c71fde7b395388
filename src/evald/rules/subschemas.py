"""The parts of a JSON schema: which schemas it applies to the same value, and which to values inside.

Where it is not certain which of several schemas is meant, all are given: what is counted by this is
never too little. There are never many: the counting would itself be what it is to prevent.
"""

from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import unquote

from evald.contract.json_types import JsonObject, JsonValue

Place = tuple[str, str | int | None]
"""Where a value stands inside another: a property or an item, by name or number; None is any."""

ANY_PROPERTY: Final[Place] = ("property", None)
ANY_ITEM: Final[Place] = ("item", None)
NAME_OF_PROPERTY: Final[Place] = ("name", None)

_ON_THE_SAME_VALUE = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else")
_IF_A_PROPERTY_IS_THERE = ("dependentSchemas", "dependencies")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_ON_ANY = (
    ("additionalProperties", ANY_PROPERTY),
    ("unevaluatedProperties", ANY_PROPERTY),
    ("propertyNames", NAME_OF_PROPERTY),
    ("additionalItems", ANY_ITEM),
    ("unevaluatedItems", ANY_ITEM),
    ("contains", ANY_ITEM),
)


MOST_ALIKE: Final = 16
"""Schemas with an id inside one another, and schemas whose names a reference cannot tell apart."""

_ANYTHING: Final[JsonObject] = {}
"""Stands for `true` and `false` where something is done before they are asked."""


class Unresolved(ValueError):
    """A reference leads to nothing inside the schema, or it is unclear to how much."""


class SchemaDocument:
    """A schema with all that its references can lead to."""

    def __init__(self, root: JsonObject) -> None:
        """Look for all ids and anchors."""
        self._resources: dict[str, list[JsonObject]] = {}
        self._anchors: dict[str, list[JsonObject]] = {}
        self._homes: dict[int, tuple[JsonObject, ...]] = {}
        """Of each object, by its identity: the root and the schemas with an id around it."""
        open_values: list[tuple[JsonValue, tuple[JsonObject, ...]]] = [(root, (root,))]
        while open_values:
            value, homes = open_values.pop()
            if isinstance(value, dict):
                if self._note_names(value) and value is not root:
                    homes = (*homes, value)
                    _check_few(homes)
                self._homes[id(value)] = homes
                open_values += ((each, homes) for each in value.values())
            elif isinstance(value, list):
                open_values += ((each, homes) for each in value)

    def _note_names(self, schema: JsonObject) -> bool:
        """Note the names of a schema; say whether local references inside it begin at it."""
        begins = False
        for key in ("$anchor", "$dynamicAnchor", "$id", "id"):
            name = schema.get(key)
            if not isinstance(name, str):
                continue
            address, _, fragment = name.partition("#")
            if "nchor" in key or not address:
                alike = self._anchors.setdefault(fragment or name, [])
            else:
                alike = self._resources.setdefault(_last_step(address), [])
                begins = True
            alike.append(schema)
            _check_few(alike)
        return begins

    def on_the_same_value(self, schema: JsonObject) -> Iterator[JsonObject]:
        """Give the schemas that this one applies to its own value. Raises Unresolved."""
        for keyword in _ON_THE_SAME_VALUE:
            yield from _schemas(schema.get(keyword))
        for keyword in _IF_A_PROPERTY_IS_THERE:
            yield from _schemas(list(_members(schema.get(keyword)).values()))
        for keyword in _REFERENCES:
            reference = schema.get(keyword)
            if isinstance(reference, str):
                yield from self._targets(reference, schema)

    def _targets(self, reference: str, schema: JsonObject) -> list[JsonObject]:
        address, _, fragment = reference.partition("#")
        fragment = unquote(fragment)
        if address:
            homes: Sequence[JsonObject] = self._resources.get(_last_step(address), [])
        else:
            homes = self._homes[id(schema)]
        found: list[JsonValue]
        if not fragment:
            found = list(homes)
        elif fragment.startswith("/"):
            found = [_at(home, fragment) for home in homes]
        else:
            found = list(self._anchors.get(fragment, []))
        if not any(isinstance(each, dict | bool) for each in found):
            raise Unresolved(f"'{reference[:80]}' refers to nothing inside the schema")
        return list({id(each): each for each in _schemas(found)}.values())


def _check_few(schemas: Sequence[JsonObject]) -> None:
    if len(schemas) > MOST_ALIKE:
        raise Unresolved(
            f"more than {MOST_ALIKE} of its schemas have an id inside one another, or names alike"
        )


def own_checks(schema: JsonObject) -> int:
    """Give how many checks of one value a schema is by itself: it compares with each of an `enum`."""
    choices = schema.get("enum")
    known: list[JsonValue] = choices if isinstance(choices, list) else []
    plain = sum(not isinstance(each, dict | list) for each in known)
    # Objects and lists are compared part by part; plain values many times faster.
    return 1 + plain // 64 + _parts([*known, schema.get("const")]) - plain


def _parts(values: list[JsonValue]) -> int:
    """Give how many objects, lists and plain values there are in some values, at any depth."""
    parts = 0
    open_values: list[JsonValue] = [each for each in values if each is not None]
    while open_values:
        value = open_values.pop()
        parts += 1
        if isinstance(value, dict):
            open_values += value.values()
        elif isinstance(value, list):
            open_values += value
    return parts


def on_values_inside(schema: JsonObject) -> Iterator[tuple[Place, JsonObject]]:
    """Give the schemas that this one applies to values inside its own, each with their place."""
    for name, each in _members(schema.get("properties")).items():
        yield from ((("property", name), found) for found in _schemas(each))
    for each in _members(schema.get("patternProperties")).values():
        # The pattern is held against every name, whatever comes of it.
        yield ANY_PROPERTY, each if isinstance(each, dict) else _ANYTHING
    for keyword, place in _ON_ANY:
        yield from ((place, found) for found in _schemas(schema.get(keyword)))
    for keyword in ("items", "prefixItems"):
        items = schema.get(keyword)
        if isinstance(items, list):
            for number, each in enumerate(items):
                yield from ((("item", number), found) for found in _schemas(each))
        else:
            yield from ((ANY_ITEM, found) for found in _schemas(items))


def _members(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _schemas(value: JsonValue) -> list[JsonObject]:
    """Give the schemas in a keyword's value; `true` and `false` cost nothing."""
    if isinstance(value, list):
        return [each for each in value if isinstance(each, dict)]
    return [value] if isinstance(value, dict) else []


def _last_step(address: str) -> str:
    """Give what is the same in an id and in all references to it, relative or not."""
    return address.rsplit("/", 1)[-1]


def _at(home: JsonValue, pointer: str) -> JsonValue:
    value = home
    for step in pointer[1:].split("/"):
        step = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step[:9]) < len(value):
            value = value[int(step[:9])]
        else:
            return None
    return value
