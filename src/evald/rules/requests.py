"""From the bytes of a body to a request."""

from typing import TypeVar

from pydantic import BaseModel

from evald.contract.json_types import JsonValue
from evald.contract.validation import read_request
from evald.errors import BadRequest
from evald.rules import json_text

Model = TypeVar("Model", bound=BaseModel)


def request_in(text: bytes, model: type[Model]) -> Model:
    """Give the request that a body holds. Raises BadRequest."""
    return read_request(model, json_in(text))


def json_in(text: bytes) -> JsonValue:
    """Give the JSON that a body holds. Raises BadRequest."""
    try:
        return json_text.parse(text)
    except json_text.BadJson as error:
        raise BadRequest(f"The body is not valid JSON: {error}.", code="invalid_json") from None
