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


def read_request(model: type[Request], body: JsonValue, *, at: str = "") -> Request:
    """Give the request that a body holds. Raises BadRequest for the first thing that is wrong.

    `at` is the path of the body inside the whole request, for the error's `param`.
    """
    if not isinstance(body, dict):
        raise BadRequest(
            f"{at or 'The body'} must be a JSON object, not {json_type(body)}.",
            param=at or None,
            code="invalid_type",
        )
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise _bad_request(error.errors(include_url=False)[0], at) from None


def _bad_request(error: ErrorDetails, at: str) -> BadRequest:
    param = path_text(error["loc"], at)
    match error["type"]:
        case "missing":
            return BadRequest(
                f"Missing required parameter: '{param}'.",
                param=param,
                code="missing_required_parameter",
            )
        case "union_tag_invalid":
            return _unknown_type(error, param)
        case "union_tag_not_found":
            return BadRequest(
                f"Missing required parameter: '{param}.type'.",
                param=f"{param}.type",
                code="missing_required_parameter",
            )
        case kind if kind.endswith(("_type", "_parsing")):
            return BadRequest(
                f"Invalid type for '{param}': {_sentence(error)}, "
                f"not {json_type(error.get('input'))}.",
                param=param,
                code="invalid_type",
            )
    return BadRequest(
        f"Invalid value for '{param}': {_sentence(error)}.", param=param, code="invalid_value"
    )


def _unknown_type(error: ErrorDetails, param: str) -> BadRequest:
    context = error.get("ctx", {})
    known = str(context.get("expected_tags", "")).replace("'", "")
    return BadRequest(
        f"Unknown type '{str(context.get('tag'))[:80]}' for '{param}'. Known types: {known}.",
        param=f"{param}.type",
        code="invalid_value",
    )


def _sentence(error: ErrorDetails) -> str:
    text = error["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return ("expected " + text if text != error["msg"] else text).rstrip(".")


def path_text(location: tuple[int | str, ...], at: str = "") -> str:
    """Give a path such as `testing_criteria[0].input` from pydantic's location."""
    text = at
    for step in location:
        if isinstance(step, int):
            text += f"[{step}]"
        elif not _is_tag(step):
            text += f".{step}" if text else step
    return text


def _is_tag(step: str) -> bool:
    """Pydantic puts the tag of a union into the path, where a client has no such key."""
    return step in UNION_TAGS


UNION_TAGS: frozenset[str] = frozenset(
    {
        *("string_check", "text_similarity", "custom", "logs", "stored_completions"),
        *("jsonl", "completions", "file_content", "file_id", "template", "item_reference"),
        *("input_text", "output_text", "input_image", "input_audio"),
        *("a text", "an object", "an array"),
    }
)


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
