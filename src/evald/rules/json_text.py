"""JSON text in and out, exactly or not at all.

What cannot be kept exactly is refused with a reason, so that no dataset is silently changed: NaN and
infinities, numbers beyond a double, integers beyond 64 bits, lone surrogates, nesting that could not
be written again.
"""

import json
import re

import orjson

from evald.contract.json_types import JsonValue

_MANY_DIGITS = re.compile(rb"\d{19}")
_SMALLEST_INT = -(2**63)
_LARGEST_INT = 2**64 - 1


class BadJson(ValueError):
    """The text is not JSON that can be kept exactly. The message says where and why."""


def parse(text: bytes) -> JsonValue:
    """Give the value of a JSON text in UTF-8.

    Raises BadJson when the text is broken, not UTF-8, nested more than 1,024 deep, or holds a number
    or string that cannot be kept exactly.
    """
    try:
        value: JsonValue = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadJson(str(error)) from None
    if _MANY_DIGITS.search(text):
        _refuse_large_integers(text)
    return value


def _refuse_large_integers(text: bytes) -> None:
    """Orjson turns an integer beyond 64 bits into a float; say so instead of losing digits."""
    try:
        json.loads(text, parse_int=_checked_int, parse_float=str)
    except RecursionError:  # some hundred levels before orjson's limit
        raise BadJson("it is nested too deep to hold a number of so many digits") from None


def _checked_int(digits: str) -> int:
    # Python refuses to convert more than 4,300 digits, so judge by length first.
    if len(digits) > 21 or not _SMALLEST_INT <= int(digits) <= _LARGEST_INT:
        raise BadJson(f"the integer {digits[:24]}… has more than 64 bits; send it as a string")
    return int(digits)


def dump(value: object) -> str:
    """Give the compact JSON text of a value made of JSON types.

    Raises BadJson when it is nested deeper than can be written (254 levels) or holds lone surrogates.
    """
    return dump_bytes(value).decode()


def dump_bytes(value: object) -> bytes:
    """Give the compact JSON text of a value, as UTF-8. Raises BadJson as `dump` does."""
    try:
        return orjson.dumps(value)
    except TypeError as error:
        raise BadJson(_readable(str(error))) from None


def _readable(reason: str) -> str:
    return "it is nested more than 254 levels deep" if "ecursion" in reason else reason
