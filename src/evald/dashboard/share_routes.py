"""The routes by which a reader shares a run's report, and takes that back.

The links stand on a page of their own and not on the report: no text of anybody's query is on it, so
that the length of the compressed page tells nothing of them.
"""

from dataclasses import dataclass, replace
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.access.share_links import USUAL_LIFE, RunOfProject
from evald.contract.evals import Eval
from evald.contract.runs import Run
from evald.dashboard.act_routes import RUN
from evald.dashboard.frame import Frame
from evald.dashboard.headers import security_headers
from evald.dashboard.serving import (
    Pages,
    eval_as_shown,
    frame_of,
    not_found,
    page,
    project_of,
    run_as_shown,
)
from evald.dashboard.sharing import render_sharing
from evald.errors import BadRequest, Conflict, NotFound
from evald.store import evals as eval_store
from evald.store import runs as run_store
from evald.store import share_links as link_store
from evald.store.share_links import ShareLink

_ROOT: Final = "../../../../"


@dataclass(frozen=True)
class _Found:
    """What the store has for the page, all of one moment."""

    of_eval: Eval
    run: Run
    links: list[ShareLink]


def share_router(pages: Pages) -> APIRouter:
    """Give the routes of the page on which a report is shared."""
    router = APIRouter(include_in_schema=False)

    @router.get(f"{RUN}/share")
    async def links(request: Request, eval_id: str, run_id: str) -> Response:
        run = RunOfProject(project_of(request), eval_id, run_id)
        frame = frame_of(request, _ROOT)
        return await page(
            lambda: _html(pages, run, frame), frame=frame, what="run", asked_id=run_id
        )

    @router.post(f"{RUN}/share")
    async def share(request: Request, eval_id: str, run_id: str) -> Response:
        run = RunOfProject(project_of(request), eval_id, run_id)
        form = await request.form(max_files=0, max_fields=4)
        frame = frame_of(request, _ROOT)
        try:
            await pages.shares.make(run, _days(str(form.get("days", USUAL_LIFE))))
        except NotFound:
            return not_found(frame, "run", run_id)
        except (BadRequest, Conflict) as refusal:
            html = await _html(pages, run, replace(frame, refusal=refusal.message))
            return HTMLResponse(html, 409, headers=security_headers())
        return RedirectResponse("./share?did=share", 303, security_headers())

    @router.post(RUN + "/shares/{share_id}/revoke")
    async def revoke(request: Request, eval_id: str, run_id: str, share_id: str) -> Response:
        run = RunOfProject(project_of(request), eval_id, run_id)
        try:
            await pages.shares.revoke(run, share_id)
        except NotFound:
            return not_found(frame_of(request, f"{_ROOT}../../"), "run", run_id)
        return RedirectResponse("../../share?did=revoke", 303, security_headers())

    return router


def _days(given: str) -> int:
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 4 else 0


async def _html(pages: Pages, run: RunOfProject, frame: Frame) -> str:
    now = pages.tools.clock()

    async def found(connection: AsyncConnection) -> _Found:
        return _Found(
            await eval_store.get_eval(connection, run.project_id, run.eval_id),
            await run_store.get_run_without_rows(
                connection, run.project_id, run.eval_id, run.run_id
            ),
            await link_store.links_of_run(connection, run.run_id, now),
        )

    seen = await pages.tools.database.read(found)
    return render_sharing(
        eval_as_shown(seen.of_eval),
        run_as_shown(seen.run, pages),
        await pages.shares.with_tokens(seen.links),
        frame=frame,
        public_url=pages.public_url,
        is_local=pages.is_local,
    )
