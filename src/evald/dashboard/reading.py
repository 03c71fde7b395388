"""Reading API objects without trusting their shape: a wrong type counts as absent.

Rows and model outputs hold whatever a dataset or a model put there. A page shows what it can.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from evald.contract.json_types import JsonValue

ApiObject: TypeAlias = Mapping[str, JsonValue]
"""An object as the API answers it."""


def object_of(value: "JsonValue | ApiObject") -> ApiObject:
    """Give the object, or an empty one."""
    return value if isinstance(value, Mapping) else {}


def list_of(value: JsonValue) -> Sequence[JsonValue]:
    """Give the list, or an empty one."""
    return value if isinstance(value, list) else ()


def text_of(value: JsonValue) -> str:
    """Give the text, or an empty one."""
    return value if isinstance(value, str) else ""


def count_of(value: JsonValue) -> int:
    """Give the count, or 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def count_or_none(value: JsonValue) -> int | None:
    """Give the count, or None where it is not known."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def number_or_none(value: JsonValue) -> float | None:
    """Give the number, or None where there is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)
