"""From a request body to a typed request, or to the error that OpenAI would answer.

pydantic finds what is wrong; this file says it in OpenAI's words (contract section 1.5): a message for
people, `param` with the path, `code` with a stable word.
"""

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from evald.contract.json_types import JsonValue
from evald.errors import BadRequest

Request = TypeVar("Request", bound=BaseModel)


class RequestModel(BaseModel):
    """A request object. Keys that it does not know are ignored (contract section 1.2)."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


def read_request(model: type[Request], body: JsonValue) -> Request:
    """Give the request that a body holds. Raises BadRequest for the first thing that is wrong."""
    if not isinstance(body, dict):
        raise BadRequest(
            f"The body must be a JSON object, not {json_type(body)}.", code="invalid_type"
        )
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise first_fault(error, body) from None


def first_fault(error: ValidationError, body: JsonValue, at: str = "") -> BadRequest:
    """Give the error of what pydantic found first in a body, or in a part that stands `at` a path."""
    return _bad_request(error.errors(include_url=False)[0], body, at)


def _bad_request(error: ErrorDetails, body: JsonValue, at: str) -> BadRequest:
    param = path_text(_without_tags(error["loc"], body), at)
    match error["type"]:
        case "missing":
            return _missing(param)
        case "union_tag_not_found":
            return _missing(f"{param}.type")
        case "union_tag_invalid":
            return _unknown_type(error, param)
        case kind if kind in EXPECTED:
            return _wrong_type(param, EXPECTED[kind], error.get("input"))
        case "too_short" | "too_long" | "string_too_short" | "string_too_long":
            return _wrong_length(error, param)
    return BadRequest(
        f"Invalid value for '{param}': {_sentence(error)}.", param=param, code="invalid_value"
    )


EXPECTED = {
    "string_type": "a string",
    "bool_type": "a boolean",
    "int_type": "an integer",
    "float_type": "a number",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}


def _wrong_length(error: ErrorDetails, param: str) -> BadRequest:
    given, limits = error["input"], error.get("ctx", {})
    is_short = "min_length" in limits
    limit = limits["min_length" if is_short else "max_length"]
    unit = (
        "character" if isinstance(given, str) else "key" if isinstance(given, dict) else "element"
    )
    return BadRequest(
        f"Invalid value for '{param}': expected at {'least' if is_short else 'most'} {limit:,} "
        f"{unit if limit == 1 else unit + 's'}, not {len(given):,}.",
        param=param,
        code="invalid_value",
    )


def _missing(param: str) -> BadRequest:
    return BadRequest(
        f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter"
    )


def _wrong_type(param: str, expected: str, given: Any) -> BadRequest:
    return BadRequest(
        f"Invalid type for '{param}': expected {expected}, not {json_type(given)}.",
        param=param,
        code="invalid_type",
    )


def _unknown_type(error: ErrorDetails, param: str) -> BadRequest:
    given = error["input"]["type"]
    if not isinstance(given, str):
        return _wrong_type(f"{param}.type", "a string", given)
    known = str(error.get("ctx", {}).get("expected_tags", "")).replace("'", "")
    return BadRequest(
        f"Unknown type '{given[:80]}' for '{param}'. Known types: {known}.",
        param=f"{param}.type",
        code="invalid_value",
    )


def _sentence(error: ErrorDetails) -> str:
    text = error["msg"].removeprefix("Value error, ").rstrip(".")
    should = "Input should be "
    return "expected " + text.removeprefix(should) if text.startswith(should) else text


def _without_tags(location: tuple[int | str, ...], body: JsonValue) -> tuple[int | str, ...]:
    """Leave out the tags that pydantic puts into a path where a client has no such key.

    A tag repeats the `type` of the object that it stands for, and the object may well have a key of
    the same name: `input_messages` of the type `template` hold a `template`.
    """
    steps: list[int | str] = []
    value, tag = body, _tag_of(body)
    for step in location:
        if step in FORMS:
            continue
        if step == tag:
            tag = None
            continue
        steps.append(step)
        value = _inside(value, step)
        tag = _tag_of(value)
    return tuple(steps)


FORMS = frozenset({"a text", "an object", "an array", "a map"})
UNION_TAGS = frozenset(
    {
        *(
            "string_check",
            "text_similarity",
            "label_model",
            "score_model",
            "python",
            "multi",
            "custom",
            "logs",
            "stored_completions",
        ),
        *("jsonl", "completions", "responses", "file_content", "file_id"),
        *("template", "item_reference"),
        *("input_text", "output_text", "input_image", "input_audio"),
    }
)


def _tag_of(value: JsonValue) -> str | None:
    tag = value.get("type") if isinstance(value, dict) else None
    return tag if isinstance(tag, str) and tag in UNION_TAGS else None


def _inside(value: JsonValue, step: int | str) -> JsonValue:
    if isinstance(value, dict):
        return value.get(str(step))
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return value[step]
    return None


def path_text(location: tuple[int | str, ...], at: str = "") -> str:
    """Give a path such as `testing_criteria[0].input` from its steps."""
    text = at
    for step in location:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text


def json_type(value: Any) -> str:
    """Give the JSON name of a value's type, with its article."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case int() | float():
            return "a number"
        case list():
            return "an array"
    return "an object"
