"""All routes of the server, as the application itself has them."""

from typing import cast

from fastapi.routing import iter_route_contexts

from evald.access.access import Access
from evald.access.cookie import SessionCookie
from evald.access.share_links import ShareLinks
from evald.api.app import PREFIXES, build_app
from evald.api.services import Services
from evald.dashboard.routes import pages_router
from evald.dashboard.server_facts import ServerFacts
from evald.dashboard.serving import FormTools, Pages
from evald.reports.comparing import Comparisons
from evald.rules.cost import NO_PRICES
from evald.runs.tools import Dispatch, Tools
from evald.watching.watches import Watches

FOR_ALL = {
    *("/healthz", "/static/{name}", "/sign-in", "/sign-out", "/favicon.ico"),
    *("/shared/{token}", "/shared/{token}/items/{item_id}"),
}
"""Paths that need no key."""


def all_routes() -> list[tuple[str, str]]:
    """Give the method and the path of every route."""
    # Only the list of routes is read, so there need be nothing behind them.
    pages = Pages(
        cast("Tools", None),
        cast("Dispatch", None),
        cast("Comparisons", None),
        "",
        cast("Access", None),
        cast("SessionCookie", None),
        cast("Watches", None),
        NO_PRICES,
        cast("FormTools", None),
        cast("ShareLinks", None),
        is_local=True,
        facts=cast("ServerFacts", None),
    )
    app = build_app(cast("Services", None), pages_router(pages))
    found = [
        (method, str(each.path))
        for each in iter_route_contexts(app.routes)
        for method in each.methods or ()
    ]
    return sorted((method, path) for method, path in found if method != "HEAD")


ROUTES = [(method, path) for method, path in all_routes() if path not in FOR_ALL]
"""Those that need a key."""


def is_page(path: str) -> bool:
    """Say whether a path is one that people open."""
    return path == "/" or path.startswith(("/evaluations/", "/dashboard/"))


def without_prefix(path: str) -> str:
    """Give the path as it is under `/`."""
    for prefix in sorted(PREFIXES, key=len, reverse=True):
        if prefix and path.startswith(f"{prefix}/"):
            return path.removeprefix(prefix)
    return path
