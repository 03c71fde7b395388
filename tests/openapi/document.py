"""The document of evald's API as its own code gives it, without a server."""

import functools
from typing import Any, cast

from fastapi import APIRouter

from evald.api.app import build_app
from evald.api.services import Services


@functools.cache
def document() -> Any:
    """Give the parsed document. There need be nothing behind the routes for it."""
    return build_app(cast("Services", None), APIRouter()).openapi()


def operations() -> list[tuple[str, str, Any]]:
    """Give method, path and description of every operation in it."""
    return [
        (method.upper(), path, operation)
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    ]
