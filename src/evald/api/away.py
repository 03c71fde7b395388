"""The answer while Postgres cannot be had."""

import structlog
from starlette.requests import Request
from starlette.responses import Response

from evald.api.bodies import json_answer
from evald.contract.pages import error_json
from evald.store.database import DatabaseAway

log = structlog.get_logger()


async def database_away(request: Request, error: Exception) -> Response:
    """Answer 503, which SDKs try again by themselves."""
    assert isinstance(error, DatabaseAway)
    log.warning("the database does not answer", path=request.url.path, error=str(error.orig))
    message = "The database of this server does not answer now. Ask again in a moment."
    answer = json_answer(error_json(message, "server_error", None, "database_away"), 503)
    answer.headers["retry-after"] = "1"
    return answer
