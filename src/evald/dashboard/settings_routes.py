"""The route of the settings."""

import asyncio
from typing import Final

from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.dashboard.frame import Frame
from evald.dashboard.serving import Pages, frame_of, page, project_of
from evald.dashboard.settings_page import ProjectFacts, render_settings
from evald.rules.paging import PageRequest
from evald.sandbox.interface import Isolation
from evald.store import api_keys as key_store
from evald.store import webhook_endpoints as endpoint_store

WAITED_FOR: Final = 0.2
"""Seconds that the page waits for the self-test of the sandboxes, which begins with the server."""


def settings_router(pages: Pages) -> APIRouter:
    """Give the route of the settings."""
    router = APIRouter(include_in_schema=False)

    @router.get("/dashboard/settings")
    async def settings(request: Request) -> Response:
        frame = frame_of(request, "../", "settings")
        return await page(lambda: _settings(request, pages, frame), frame=frame)

    return router


async def _settings(request: Request, pages: Pages, frame: Frame) -> str:
    project_id = project_of(request)
    first = PageRequest(None, endpoint_store.MOST_ENDPOINTS, "desc")

    async def found(connection: AsyncConnection) -> ProjectFacts:
        webhooks = await endpoint_store.list_endpoints(connection, project_id, first)
        return ProjectFacts(
            keys=await key_store.list_keys_of(connection, project_id),
            webhooks=webhooks.objects,
            are_all_webhooks=not webhooks.has_more,
        )

    return render_settings(
        pages.facts,
        await pages.tools.database.read(found),
        frame=frame,
        isolation=await _isolation(pages),
        now=pages.tools.clock(),
    )


async def _isolation(pages: Pages) -> Isolation | None:
    """Give what the python graders run in, or None while that is still tried out."""
    if pages.tools.sandboxes is None:
        return None
    try:
        return await asyncio.wait_for(pages.tools.sandboxes.isolation(), WAITED_FOR)
    except TimeoutError:
        return None
