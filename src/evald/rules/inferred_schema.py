"""The schema of items, inferred from the items themselves."""

from collections.abc import Iterable
from typing import Final

from evald.contract.json_types import JsonObject, JsonValue

_ORDER: Final = ("string", "integer", "number", "boolean", "array", "object", "null")


def inferred_schema(items: Iterable[JsonObject]) -> JsonObject:
    """Give a schema that all of these items fit: the types of their fields, and which all have.

    What is inside a field's list or object is left open, and so is whether there are more fields.
    """
    types: dict[str, set[str]] = {}
    having: dict[str, int] = {}
    number = 0
    for item in items:
        number += 1
        for name, value in item.items():
            types.setdefault(name, set()).add(_type_of(value))
            having[name] = having.get(name, 0) + 1
    properties: JsonObject = {name: {"type": _types(found)} for name, found in types.items()}
    required: list[JsonValue] = [name for name, times in having.items() if times == number]
    return {"type": "object", "properties": properties, "required": required}


def open_schema(items: Iterable[JsonObject]) -> JsonObject:
    """Give a schema that names the fields of these items and asks nothing of others.

    It is for rows of which only the first ones are known.
    """
    names = dict.fromkeys(name for item in items for name in item)
    properties: JsonObject = {name: {} for name in names}
    return {"type": "object", "properties": properties}


def _types(found: set[str]) -> JsonValue:
    # Every integer is a number, too.
    told = [
        each for each in _ORDER if each in found and not (each == "integer" and "number" in found)
    ]
    return told[0] if len(told) == 1 else list(told)


def _type_of(value: JsonValue) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
    return "object"
