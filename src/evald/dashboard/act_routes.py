"""The routes of what a reader does with a run: cancel, resume, retry, delete.

Each is a form that is posted and leads to a page that tells what it did. An act that is refused leaves
everything as it was; the answer is then the report, which says why.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from evald.access.share_links import RunOfProject
from evald.dashboard.addresses import report_address, runs_address
from evald.dashboard.frame import Did
from evald.dashboard.headers import security_headers
from evald.dashboard.report_routes import report_html
from evald.dashboard.serving import Pages, frame_of, not_found, project_of
from evald.errors import BadRequest, Conflict, NotFound
from evald.rules.status import Event
from evald.runs.cancel import cancel_run
from evald.runs.delete import delete_run
from evald.runs.resume import Resume, resume_run

RUN: Final = "/evaluations/{eval_id}/runs/{run_id}"
_ROOT: Final = "../../../../"


@dataclass(frozen=True)
class _Asked:
    """Who asks for an act, on which run, and what the pages are made from."""

    request: Request
    pages: Pages
    run: RunOfProject


def act_router(pages: Pages) -> APIRouter:
    """Give the routes of the acts on a run."""
    router = APIRouter(include_in_schema=False)

    def asked(request: Request, eval_id: str, run_id: str) -> _Asked:
        return _Asked(request, pages, RunOfProject(project_of(request), eval_id, run_id))

    @router.post(f"{RUN}/cancel")
    async def cancel(request: Request, eval_id: str, run_id: str) -> Response:
        async def act(run: RunOfProject) -> None:
            await cancel_run(run.project_id, eval_id, run_id, pages.tools, pages.dispatch)

        return await _done(asked(request, eval_id, run_id), "cancel", act)

    @router.post(f"{RUN}/resume")
    async def resume(request: Request, eval_id: str, run_id: str) -> Response:
        return await _done(asked(request, eval_id, run_id), "resume", _going_on(pages, "resume"))

    @router.post(f"{RUN}/retry")
    async def retry(request: Request, eval_id: str, run_id: str) -> Response:
        return await _done(asked(request, eval_id, run_id), "retry", _going_on(pages, "retry"))

    @router.post(f"{RUN}/delete")
    async def delete(request: Request, eval_id: str, run_id: str) -> Response:
        async def act(run: RunOfProject) -> None:
            await delete_run(run.project_id, eval_id, run_id, pages.tools, pages.dispatch)

        return await _done(asked(request, eval_id, run_id), "delete", act)

    async def back(request: Request, eval_id: str, run_id: str) -> Response:
        """Lead who opens the address of an act, which only a form does, to the report."""
        return await _done(asked(request, eval_id, run_id), "", _nothing(pages))

    for act in ("cancel", "resume", "retry", "delete"):
        router.add_api_route(f"{RUN}/{act}", back, methods=["GET"])
    return router


Act = Callable[[RunOfProject], Awaitable[None]]


def _going_on(pages: Pages, event: Event) -> Act:
    async def act(run: RunOfProject) -> None:
        which = Resume(run.project_id, run.eval_id, run.run_id, event)
        await resume_run(which, pages.tools, pages.dispatch)

    return act


def _nothing(pages: Pages) -> Act:
    async def act(run: RunOfProject) -> None:
        await pages.tools.database.read(run.check)

    return act


async def _done(asked: _Asked, did: Did, act: Act) -> Response:
    """Do it and lead to where it is told, or answer with the report and why it was refused."""
    eval_id, run_id = asked.run.eval_id, asked.run.run_id
    try:
        await act(asked.run)
    except NotFound:
        return not_found(frame_of(asked.request, _ROOT), "run", run_id)
    except (BadRequest, Conflict) as refusal:
        return await _refused(asked, refusal.message)
    if did == "delete":
        address = runs_address(_ROOT, eval_id, did=did)
    else:
        address = report_address(_ROOT, eval_id, run_id, did=did or None)
    return RedirectResponse(address, 303, security_headers())


async def _refused(asked: _Asked, why: str) -> Response:
    frame = replace(frame_of(asked.request, _ROOT), refusal=why)
    run = asked.run
    try:
        html = await report_html(asked.request, asked.pages, run.eval_id, run.run_id, frame)
    except NotFound:  # it was deleted at this moment
        return not_found(frame, "run", run.run_id)
    return HTMLResponse(html, 409, headers=security_headers())
