"""The gate: no request reaches a route without a project, but for the few paths that are for all."""

from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from evald.access.access import Access
from evald.access.cookie import SessionCookie
from evald.api.away import database_away
from evald.api.envelope import SAFE_METHODS
from evald.contract.projects import ProjectId
from evald.store.database import DatabaseAway

PROJECT_HEADER: Final = "evald-project"
"""By which a request may say which project it means, so that a wrong key does no harm."""
FOR_ALL: Final = frozenset({"/healthz", "/sign-in", "/sign-out", "/favicon.ico"})


@dataclass(frozen=True)
class Gate:
    """ASGI middleware: who has no key that is in force gets no further.

    Programs send a key, and readers of the pages the cookie of a session. The cookie also opens what
    the API shows, since the pages link to it, but changes nothing there.
    """

    app: ASGIApp
    access: Access
    cookie: SessionCookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it. Raises Unauthorized and Forbidden."""
        if scope["type"] != "http" or _is_for_all(scope["path"]):
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        try:
            project_id = await self._project(request)
        except DatabaseAway as error:
            await (await database_away(request, error))(scope, receive, send)
            return
        if project_id is None:
            await _to_sign_in(request)(scope, receive, send)
            return
        request.state.project_id = project_id
        request.state.ask_again = partial(self._project, request)
        await self.app(scope, receive, send)

    async def _project(self, request: Request) -> ProjectId | None:
        """Give whose objects a request may see, or None for a reader who has to sign in."""
        key = given_key(request.headers)
        is_page = _is_page(request.scope["path"])
        if key is None and not await self.access.is_open():
            token = request.cookies.get(self.cookie.name)
            if token and (is_page or request.method in SAFE_METHODS):
                found = await self.access.key_of_session(token)
                if found is not None:
                    request.state.signed_in_to = found.project
                    return found.project_id
            # The script of a page asks for parts of it, and could do nothing with another page.
            if is_page and "fragment" not in request.query_params:
                return None
        return await self.access.project_of_key(key, request.headers.get(PROJECT_HEADER))


def given_key(headers: Headers) -> str | None:
    """Give the key that a request came with: as a bearer token, or as Azure clients send it."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return headers.get("api-key", "").strip() or None


def _is_for_all(path: str) -> bool:
    return path in FOR_ALL or path.startswith("/static/")


def _is_page(path: str) -> bool:
    return path == "/" or path.startswith(("/evaluations/", "/dashboard/"))


def _to_sign_in(request: Request) -> RedirectResponse:
    """Lead a reader to the sign-in page, and from there back to this one."""
    path = request.scope.get("raw_path", b"/").decode("latin-1")
    root = "../" * (path.count("/") - 1) or "./"
    query = request.scope["query_string"].decode("latin-1")
    asked = path[1:] + (f"?{query}" if query else "")
    back = f"?next={quote(asked, safe='')}" if asked and request.method in SAFE_METHODS else ""
    return RedirectResponse(f"{root}sign-in{back}", 303, {"cache-control": "no-store"})
