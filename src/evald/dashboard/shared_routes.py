"""The routes behind a share link: the report of one run, for whoever has the link."""

from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from evald.dashboard.addresses import ReportAddresses
from evald.dashboard.frame import Frame, known_theme
from evald.dashboard.headers import security_headers
from evald.dashboard.rendering import render
from evald.dashboard.report_routes import from_form, is_from_form, report_html
from evald.dashboard.serving import Pages
from evald.errors import BadRequest, NotFound
from evald.store import output_items as item_store
from evald.store.share_links import SharedRun

HEADERS: Final = {
    **security_headers(),
    # The address is all that a reader needs, so no other site may learn it. The page has no form whose
    # origin would have to be known.
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex, nofollow",
}


def shared_router(pages: Pages) -> APIRouter:
    """Give the routes of share links. The gate lets them through; the token says whose run it is."""
    router = APIRouter(include_in_schema=False)

    @router.get("/shared/{token}")
    async def shared(request: Request, token: str) -> Response:
        theme = known_theme(request.cookies.get("theme", ""))
        run = await pages.shares.run_of(token)
        if run is None:
            return _not_in_force("../", theme)
        request.state.project_id = run.project_id
        frame = Frame("../", theme, place="", share=token)
        if is_from_form(request):
            addresses = ReportAddresses(run.eval_id, run.run_id, "../", token)
            return await from_form(request, pages, addresses)
        try:
            html = await report_html(request, pages, run.eval_id, run.run_id, frame)
        except (NotFound, BadRequest):
            if request.url.query:  # an item or a page of them that is not there
                return RedirectResponse(f"./{token}", 303, HEADERS)
            return _not_in_force("../", theme)  # deleted at this moment
        return HTMLResponse(html, headers=HEADERS)

    @router.get("/shared/{token}/items/{item_id}")
    async def item(request: Request, token: str, item_id: str) -> Response:
        run = await pages.shares.run_of(token)
        found = None if run is None else await _item(pages, run, item_id)
        if found is None:
            return _not_in_force("../../../", known_theme(request.cookies.get("theme", "")))
        return Response(found, headers=HEADERS, media_type="application/json")

    return router


async def _item(pages: Pages, run: SharedRun, item_id: str) -> str | None:
    try:
        return await pages.tools.database.read(
            lambda connection: item_store.get_item(connection, run.run_id, item_id)
        )
    except NotFound:
        return None


def _not_in_force(root: str, theme: str) -> Response:
    """Answer for a link that is over, revoked, forged, or leads to a run that is gone: all the same."""
    html = render("not_in_force.html", Frame(root, theme, place="", share="none"))
    return HTMLResponse(html, 404, headers=HEADERS)
