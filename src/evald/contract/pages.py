"""The envelope of every list (contract section 1.7)."""

from collections.abc import Sequence
from typing import Literal

import orjson
from typing_extensions import TypedDict

from evald.contract.json_types import JsonObject


class Page(TypedDict):
    """What every list has around its `data`."""

    object: Literal["list"]
    first_id: str | None
    last_id: str | None
    has_more: bool


class ErrorObject(TypedDict):
    """What was wrong: for people in `message`, for programs in the others."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorAnswer(TypedDict):
    """The body of every answer from 400 on."""

    error: ErrorObject


def page_json(
    objects: Sequence[tuple[str, bytes | str]],
    *,
    has_more: bool,
    extras: JsonObject | None = None,
) -> bytes:
    """Give a page of objects, each an id and its JSON text; the texts are joined, never parsed.

    An empty page has null ids, which clients do not read. What evald adds stands under `evald`.
    """
    head = {
        "object": "list",
        "first_id": objects[0][0] if objects else None,
        "last_id": objects[-1][0] if objects else None,
        "has_more": has_more,
        "data": [orjson.Fragment(text) for _, text in objects],
    }
    return orjson.dumps({**head, "evald": extras} if extras else head)


def error_json(message: str, type_: str, param: str | None, code: str | None) -> bytes:
    """Give an error in OpenAI's shape, always wrapped (contract section 1.5)."""
    answer: ErrorAnswer = {
        "error": {"message": message, "type": type_, "param": param, "code": code}
    }
    return orjson.dumps(answer)
