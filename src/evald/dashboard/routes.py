"""The routes of all pages: each part of the site brings its own."""

from typing import Final

from fastapi import APIRouter, Response

from evald.dashboard.act_routes import act_router
from evald.dashboard.again_routes import again_router
from evald.dashboard.assets import ASSETS
from evald.dashboard.compare_routes import compare_router
from evald.dashboard.file_routes import file_router
from evald.dashboard.form_routes import form_router
from evald.dashboard.headers import security_headers
from evald.dashboard.list_routes import list_router
from evald.dashboard.live_routes import live_router
from evald.dashboard.report_routes import report_router
from evald.dashboard.serving import Pages
from evald.dashboard.settings_routes import settings_router
from evald.dashboard.share_routes import share_router
from evald.dashboard.shared_routes import shared_router
from evald.dashboard.sign_in import Door, sign_in_router
from evald.errors import NotFound

A_YEAR: Final = "public, max-age=31536000, immutable"


def pages_router(pages: Pages) -> APIRouter:
    """Give the routes of all pages."""
    router = APIRouter(include_in_schema=False)
    router.include_router(sign_in_router(Door(pages.access, pages.cookie)))
    router.include_router(list_router(pages))
    router.include_router(report_router(pages))
    router.include_router(live_router(pages))
    router.include_router(act_router(pages))
    router.include_router(share_router(pages))
    router.include_router(shared_router(pages))
    router.include_router(file_router(pages))
    router.include_router(settings_router(pages))
    router.include_router(form_router(pages))
    router.include_router(again_router(pages))
    router.include_router(compare_router(pages))

    @router.get("/static/{name}")
    async def static(name: str) -> Response:
        asset = ASSETS.get(name)
        if asset is None:
            raise NotFound(f"There is no file '{name[:80]}'.")
        headers = {**security_headers(), "cache-control": A_YEAR}
        return Response(asset.content, headers=headers, media_type=asset.media_type)

    @router.get("/favicon.ico")
    async def no_icon() -> Response:
        # Browsers ask for one where a page names none: an item opened as JSON, say.
        return Response(status_code=204, headers={"cache-control": A_YEAR})

    return router
