"""The HTTP application: every route under `/v1`, under `/`, and as Azure clients have it."""

from typing import Final, Literal

import orjson
import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.exceptions import HTTPException
from starlette.routing import Match
from typing_extensions import TypedDict

from evald import __version__
from evald.api import (
    chat_completions,
    comparisons,
    evals,
    exports,
    file_imports,
    files,
    graders,
    imports,
    models,
    output_items,
    regrades,
    responses,
    run_events,
    runs,
    webhooks,
)
from evald.api.away import database_away
from evald.api.bodies import json_answer
from evald.api.document import DescribedApp, described
from evald.api.services import Given, Services
from evald.contract.pages import error_json
from evald.errors import ApiError, Conflict
from evald.rules.json_text import BadJson
from evald.store.database import DatabaseAway

log = structlog.get_logger()

PREFIXES: Final = ("/v1", "", "/openai/v1")
ROOMS: Final = (
    *(file_imports, imports),  # before evals, whose paths would take "import" for an id
    *(evals, runs, run_events, regrades, output_items, exports, comparisons, files, models),
    *(chat_completions, responses, graders, webhooks),
)
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

health = APIRouter()


class Health(TypedDict):
    """The answer of a server that works."""

    status: Literal["ok"]
    version: str


@described(Health)
@health.get("/healthz", tags=["server"])
async def healthz(services: Given) -> Response:
    """Say that the server is up and its database answers."""

    async def ask(connection: AsyncConnection) -> None:
        await connection.execute(text("SELECT 1"))

    await services.database.read(ask)
    health: Health = {"status": "ok", "version": __version__}
    return json_answer(orjson.dumps(health))


@health.get("/openapi.json", include_in_schema=False)
def openapi(request: Request) -> Response:
    """Give the OpenAPI document. It is made in a thread, and only once."""
    return json_answer(orjson.dumps(request.app.openapi()))


def build_app(services: Services, pages: APIRouter) -> FastAPI:
    """Give the application over these services, with the pages that people open beside the API."""
    # The interactive pages of FastAPI load scripts from elsewhere, so they stay off.
    app = DescribedApp(
        title="evald",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    app.include_router(health)
    app.include_router(pages)
    for prefix in PREFIXES:
        for room in ROOMS:
            app.include_router(room.router, prefix=prefix, include_in_schema=prefix == "/v1")
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(BadJson, _bad_json)
    app.add_exception_handler(HTTPException, _no_route)
    app.add_exception_handler(RequestValidationError, _bad_parameter)
    app.add_exception_handler(DatabaseAway, database_away)
    app.add_exception_handler(Exception, _broken)
    return app


def _error(error: ApiError) -> Response:
    body = error_json(error.message, error.type, error.param, error.code)
    answer = json_answer(body, error.status)
    if isinstance(error, Conflict):
        answer.headers["x-should-retry"] = "false"
    return answer


async def _api_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return _error(error)


async def _bad_json(_: Request, error: Exception) -> Response:
    return _error(ApiError(f"The request holds a value that cannot be kept: {error}."))


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = f"{error.detail}: {request.method} {request.url.path[:200]}"
    body = error_json(message, "invalid_request_error", None, None)
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    if error.status_code == 405:
        headers["allow"] = ", ".join(_methods_of_path(request))
    return Response(body, error.status_code, headers, media_type="application/json")


def _methods_of_path(request: Request) -> list[str]:
    """Give all methods of this path. It has a route for each, and the router names only the first's."""
    routes = request.app.routes
    scopes = [(method, {**request.scope, "method": method}) for method in METHODS]
    return [
        method
        for method, scope in scopes
        if any(route.matches(scope)[0] is Match.FULL for route in routes)
    ]


async def _broken(_: Request, __: Exception) -> Response:
    """Answer for a fault of our own; the envelope logs it, with the id of the request."""
    message = "The server failed on this request; its log says why, under the x-request-id."
    return json_answer(error_json(message, "server_error", None, None), 500)


async def _bad_parameter(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    return _error(ApiError(str(first["msg"]), param=str(first["loc"][-1]), code="invalid_value"))
