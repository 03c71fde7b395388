"""The routes of the lists: of all evals, and of an eval's runs."""

from typing import Final

from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.evals import Eval
from evald.contract.runs import Run
from evald.dashboard.frame import Frame
from evald.dashboard.lists import render_evals, render_runs
from evald.dashboard.serving import Pages, eval_as_shown, frame_of, page, project_of, run_as_shown
from evald.rules.paging import PageRequest
from evald.store import evals as eval_store
from evald.store import runs as run_store
from evald.store.pages import Page

LISTED: Final = 50


def list_router(pages: Pages) -> APIRouter:
    """Give the route of the list of evals."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def evals(request: Request) -> Response:
        frame = frame_of(request, "./")
        return await page(lambda: _evals(request, pages, frame), frame=frame)

    return router


async def _evals(request: Request, pages: Pages, frame: Frame) -> str:
    asked = PageRequest(request.query_params.get("after"), LISTED, "desc")
    project_id = project_of(request)
    found = await pages.tools.database.read(
        lambda connection: eval_store.list_evals(connection, project_id, asked, "created_at")
    )
    return render_evals(
        evals=[eval_as_shown(each) for each in found.objects],
        frame=frame,
        next_after=found.objects[-1].id if found.has_more else None,
    )


async def eval_page(request: Request, pages: Pages, eval_id: str) -> Response:
    """Answer with the page of an eval and its runs."""
    frame = frame_of(request, "../")
    return await page(
        lambda: _runs(request, pages, eval_id, frame), frame=frame, what="eval", asked_id=eval_id
    )


async def _runs(request: Request, pages: Pages, eval_id: str, frame: Frame) -> str:
    asked = PageRequest(request.query_params.get("after"), LISTED, "desc")
    project_id = project_of(request)

    async def listed(connection: AsyncConnection) -> tuple[Eval, Page[Run]]:
        of_eval = await eval_store.get_eval(connection, project_id, eval_id)
        return of_eval, await run_store.list_runs_without_rows(connection, eval_id, asked)

    of_eval, found = await pages.tools.database.read(listed)
    return render_runs(
        eval_object=eval_as_shown(of_eval),
        runs=[run_as_shown(run, pages) for run in found.objects],
        frame=frame,
        next_after=found.objects[-1].id if found.has_more else None,
    )
