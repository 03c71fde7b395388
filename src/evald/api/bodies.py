"""Request bodies, read with a limit and parsed exactly, and answers made of JSON text."""

import asyncio
from typing import Final, TypeVar

from fastapi import Request, Response
from pydantic import BaseModel

from evald.contract.json_types import JsonValue
from evald.errors import BadRequest
from evald.rules.requests import json_in, request_in

Model = TypeVar("Model", bound=BaseModel)

PARSED_AT_ONCE: Final = 256 * 1024
"""Bytes of a body above which it is parsed in a thread.

The parser and the checker hold the interpreter's lock there too, so others get their turn between the
two and not within. Bodies that can be really large are read in another process (see `runs/given.py`).
"""


async def read_body(request: Request, model: type[Model]) -> Model:
    """Give the request object in the body. Raises BadRequest, or TooLarge beyond the limit."""
    text = await read_text(request)
    if len(text) > PARSED_AT_ONCE:
        return await asyncio.to_thread(request_in, text, model)
    return request_in(text, model)


async def read_json(request: Request) -> tuple[bytes, JsonValue]:
    """Give the body as it was sent and as parsed JSON. Raises as `read_body` does."""
    text = await read_text(request)
    if len(text) > PARSED_AT_ONCE:
        return text, await asyncio.to_thread(json_in, text)
    return text, json_in(text)


async def read_text(request: Request) -> bytes:
    """Give the body as it came. Raises BadRequest when there is none, TooLarge beyond the limit."""
    text = await request.body()
    if not text.strip():
        raise BadRequest("The request has no body; send a JSON object.", code="missing_body")
    return text


def json_answer(content: bytes | str, status: int = 200) -> Response:
    """Give an answer of JSON text that is ready."""
    return Response(content, status, media_type="application/json")
