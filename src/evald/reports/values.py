"""Output items as they were saved, parsed again, and the values that are in them."""

import json
import re
from collections.abc import Sequence
from typing import Final

import orjson

from evald.contract.json_types import JsonObject, JsonValue
from evald.rules.messages import flat_content

_DIGITS: Final = bytes.maketrans(b"123456789", b"000000000")
_NINETEEN_DIGITS: Final = b"0" * 19
_PLACE: Final = re.compile("0|[1-9][0-9]{0,8}")
_MOST_DIGITS: Final = 4000
"""Of an integer that Python converts."""


def parsed_item(text: str) -> JsonObject:
    """Give the object of an item's text, its integers with all their digits."""
    encoded = text.encode()
    # Beyond 64 bits orjson turns an integer into a float.
    if _NINETEEN_DIGITS in encoded.translate(_DIGITS):
        value = json.loads(text, parse_int=_integer)
    else:
        value = orjson.loads(encoded)
    return value if isinstance(value, dict) else {}


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


def text_of(value: JsonValue) -> str:
    """Give a text as it is, and anything else as JSON."""
    return value if isinstance(value, str) else json_of(value)


def json_of(value: JsonValue) -> str:
    """Give a value as compact JSON."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # an integer beyond 64 bits, or nested too deep for it by a level
        return json.dumps(value, separators=(",", ":"))


def value_at(value: JsonValue, keys: Sequence[str]) -> JsonValue:
    """Give what stands at a path, or None where there is nothing; lists are counted from 0.

    A place in a list has one spelling, so that its value cannot be asked for again and again.
    """
    for key in keys:
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and _PLACE.fullmatch(key):
            place = int(key)
            value = value[place] if place < len(value) else None
        else:
            return None
    return value


def output_text(item: JsonObject) -> JsonValue:
    """Give the text that was graded: that of the sample's first message, or None without one."""
    match item.get("sample"):
        case {"output": [{"content": content}, *_]} if content is not None:
            return flat_content(content)
        case {"output_text": str(text)}:
            return text
    return None


def first_error(item: JsonObject) -> JsonValue:
    """Give why an item has no sample, or else why its first broken criterion has no verdict."""
    results = item.get("results")
    errors = [value_at(item, ("sample", "error"))]
    errors += [value_at(each, ("error",)) for each in results] if isinstance(results, list) else []
    for error in errors:
        match error:
            case None:
                continue
            case {"code": code, "message": message}:
                return f"{text_of(code)}: {text_of(message)}"
            case _:
                return text_of(error)
    return None
