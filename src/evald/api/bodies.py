"""Request bodies: read with a limit, parsed exactly, and answers made of JSON text."""

import asyncio
from typing import Final, TypeVar

from fastapi import Request, Response
from pydantic import BaseModel

from evald.contract.json_types import JsonValue
from evald.contract.validation import read_request
from evald.errors import BadRequest
from evald.rules import json_text

Model = TypeVar("Model", bound=BaseModel)

PARSED_AT_ONCE: Final = 256 * 1024
"""Bytes of a body above which it is parsed in a thread, so that other requests go on."""


async def read_body(request: Request, model: type[Model]) -> Model:
    """Give the request object in the body. Raises BadRequest, or TooLarge beyond the limit."""
    text = await _text(request)
    if len(text) > PARSED_AT_ONCE:
        return await asyncio.to_thread(_read, text, model)
    return _read(text, model)


async def read_json(request: Request) -> tuple[bytes, JsonValue]:
    """Give the body as it was sent and as parsed JSON. Raises as `read_body` does."""
    text = await _text(request)
    if len(text) > PARSED_AT_ONCE:
        return text, await asyncio.to_thread(_parse, text)
    return text, _parse(text)


async def _text(request: Request) -> bytes:
    text = await request.body()
    if not text.strip():
        raise BadRequest("The request has no body; send a JSON object.", code="missing_body")
    return text


def _read(text: bytes, model: type[Model]) -> Model:
    return read_request(model, _parse(text))


def _parse(text: bytes) -> JsonValue:
    try:
        return json_text.parse(text)
    except json_text.BadJson as error:
        raise BadRequest(f"The body is not valid JSON: {error}.", code="invalid_json") from None


def json_answer(content: bytes | str, status: int = 200) -> Response:
    """Give an answer of JSON text that is ready."""
    return Response(content, status, media_type="application/json")
