"""What the classes of openai/evals mean, as its documentation and its code say it, in our words."""

import json
import re
import string
from typing import Any


def meant(name: str, output: str, ideal: Any, ignores_case: bool = False) -> bool:
    """Say whether an output is right. Raises ValueError for a JSON ideal that is none."""
    ideals: list[str] = ideal if isinstance(ideal, list) else [ideal]
    match name:
        case "Match":
            return any(output[: len(each)] == each for each in ideals)
        case "Includes" if ignores_case:
            return any(output.lower().count(each.lower()) > 0 for each in ideals)
        case "Includes":
            return any(output.count(each) > 0 for each in ideals)
        case "FuzzyMatch":
            return any(fuzzy(words(output), words(each)) for each in ideals)
        case "JsonMatch":
            return any(
                same(parsed(output), right) for right in [json.loads(each) for each in ideals]
            )
        case "JsonValidator":
            return parsed(output) is not INVALID
    raise AssertionError(name)


def words(text: str) -> str:
    """Give a text in small letters, without punctuation and articles, and with single spaces."""
    bare = "".join(sign for sign in text.lower() if sign not in string.punctuation)
    return re.sub(r"\s+", " ", re.sub(r"\b(?:the|an|a)\b", " ", bare)).strip()


def fuzzy(one: str, other: str) -> bool:
    if "" in (one, other):
        return one == other
    return one in other or other in one


INVALID = object()


def parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return INVALID


def same(one: Any, other: Any) -> bool:
    """Compare JSON element by element. What is missing or null equals nothing."""
    if one is None or other is None or one is INVALID:
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return all(same(one.get(key), other.get(key)) for key in one.keys() | other.keys())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)
