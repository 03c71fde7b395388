"""Answers in their strict form, for whoever asks for it or where it is the setting."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any, Final

import orjson
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from fastapi.routing import APIRoute

from evald.api.bodies import PARSED_AT_ONCE
from evald.contract.strict import strict_form
from evald.errors import BadRequest

HEADER: Final = "evald-schema-strict"


class StrictRoute(APIRoute):
    """A route whose answers have a strict form beside the live one.

    Answers are made and kept in the live form, so only who asks for the strict one waits for it.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Give the route's handler, with the form of its answer as it is asked for."""
        handle = super().get_route_handler()

        async def answered(request: Request) -> Response:
            strict = _is_strict(request)  # before anything is done
            response = await handle(request)
            if strict and not isinstance(response, StreamingResponse):
                await _make_strict(response)
            return response

        return answered


def _is_strict(request: Request) -> bool:
    word = request.headers.get(HEADER)
    if word is None:
        return bool(request.app.state.services.schema_strict)
    if word.lower() not in ("true", "false"):
        raise BadRequest(
            f"The header {HEADER} is 'true' or 'false', not '{word[:80]}'.",
            param=HEADER,
            code="invalid_value",
        )
    return word.lower() == "true"


async def _make_strict(response: Response) -> None:
    text = bytes(response.body)
    large = len(text) > PARSED_AT_ONCE
    response.body = await asyncio.to_thread(_strict_text, text) if large else _strict_text(text)
    response.headers["content-length"] = str(len(response.body))


def _strict_text(text: bytes) -> bytes:
    strict = strict_form(orjson.loads(text))
    try:
        return orjson.dumps(strict)
    except TypeError:  # each object could be nested to orjson's limit, and the list adds to that
        return json.dumps(strict, ensure_ascii=False, separators=(",", ":")).encode()
