"""The routes of the lists: of all evals, and of an eval with its runs; and what is done with an eval."""

from dataclasses import replace
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.evals import Eval
from evald.contract.metadata import MAX_NAME_LENGTH
from evald.contract.runs import STATUSES, Run
from evald.dashboard.addresses import evals_address, report_address, runs_address
from evald.dashboard.eval_page import EvalPage, render_eval
from evald.dashboard.examples import Endpoint
from evald.dashboard.frame import Frame
from evald.dashboard.lists import FoundEvals, render_evals
from evald.dashboard.pass_rates import IN_A_CHART, IN_A_SPARKLINE
from evald.dashboard.serving import Pages, eval_as_shown, frame_of, page, project_of, run_as_shown
from evald.errors import NotFound
from evald.rules.eval_filter import eval_filter
from evald.rules.paging import PageRequest
from evald.runs.delete import delete_eval
from evald.store import eval_lists
from evald.store import evals as eval_store
from evald.store import runs as run_store
from evald.store.eval_lists import RecentRun
from evald.store.pages import Page

LISTED: Final = 50
LOOKED_AT: Final = 2 * IN_A_SPARKLINE
"""Last runs of each eval that a sparkline is made from: those that are not completed have no place."""


def list_router(pages: Pages) -> APIRouter:
    """Give the routes of the list of evals, and of what is done with one."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def evals(request: Request) -> Response:
        frame = frame_of(request, "./")
        return await page(lambda: _evals(request, pages, frame), frame=frame)

    @router.post("/evaluations/{eval_id}/rename")
    async def rename(request: Request, eval_id: str) -> Response:
        form = await request.form(max_files=0, max_fields=4)
        name = str(form.get("name", "")).replace("\x00", "").strip()[:MAX_NAME_LENGTH]
        await _rename(request, pages, eval_id, name)
        return RedirectResponse(runs_address("../../", eval_id), 303)

    @router.post("/evaluations/{eval_id}/delete")
    async def delete(request: Request, eval_id: str) -> Response:
        await delete_eval(project_of(request), eval_id, pages.tools, pages.dispatch)
        return RedirectResponse(evals_address("../../"), 303)

    @router.get("/dashboard/go")
    async def go(request: Request) -> Response:
        return RedirectResponse(await _way_to(request, pages), 303)

    return router


async def _evals(request: Request, pages: Pages, frame: Frame) -> str:
    query = request.query_params
    asked = PageRequest(query.get("after"), LISTED, "desc")
    wanted = eval_filter(
        query.get("q", ""), query.getlist("meta"), query.get("key", ""), query.get("value", "")
    )
    project_id = project_of(request)

    async def listed(connection: AsyncConnection) -> FoundEvals:
        found = await eval_lists.find_evals(connection, project_id, asked, wanted)
        ids = [each.id for each in found.objects]
        return FoundEvals(
            evals=[eval_as_shown(each) for each in found.objects],
            recent=await eval_lists.recent_runs(connection, ids, LOOKED_AT),
            totals=await eval_lists.count_runs(connection, ids),
            wanted=wanted,
            is_first_page=asked.after is None,
            next_after=ids[-1] if found.has_more else None,
        )

    return render_evals(
        await pages.tools.database.read(listed),
        frame=frame,
        endpoint=endpoint_of(pages, frame),
        now=pages.tools.clock(),
    )


def endpoint_of(pages: Pages, frame: Frame) -> Endpoint:
    """Give where the examples on a page are sent."""
    return Endpoint(f"{pages.public_url}/v1", bool(frame.signed_in_to), pages.facts.a_model)


async def eval_page(request: Request, pages: Pages, eval_id: str) -> Response:
    """Answer with the page of an eval and its runs."""
    frame = frame_of(request, "../")
    return await page(
        lambda: _runs(request, pages, eval_id, frame), frame=frame, what="eval", asked_id=eval_id
    )


async def _runs(request: Request, pages: Pages, eval_id: str, frame: Frame) -> str:
    asked = PageRequest(request.query_params.get("after"), LISTED, "desc")
    status = next((each for each in STATUSES if each == request.query_params.get("status")), None)
    project_id = project_of(request)

    async def listed(connection: AsyncConnection) -> tuple[Eval, Page[Run], list[RecentRun]]:
        of_eval = await eval_store.get_eval(connection, project_id, eval_id)
        found = await run_store.list_runs_without_rows(connection, eval_id, asked, status)
        recent = await eval_lists.recent_runs(connection, [eval_id], IN_A_CHART)
        return of_eval, found, recent.get(eval_id, [])

    of_eval, found, recent = await pages.tools.database.read(listed)
    return render_eval(
        EvalPage(
            eval_object=eval_as_shown(of_eval),
            runs=[run_as_shown(run, pages) for run in found.objects],
            recent=recent,
            status=status,
            is_first_page=asked.after is None,
            next_after=found.objects[-1].id if found.has_more else None,
        ),
        frame=frame,
        endpoint=endpoint_of(pages, frame),
        now=pages.tools.clock(),
    )


async def _rename(request: Request, pages: Pages, eval_id: str, name: str) -> None:
    """Give an eval another name. An empty one changes nothing."""
    project_id, now = project_of(request), int(pages.tools.clock())

    async def change(connection: AsyncConnection) -> None:
        found = await eval_store.hold_eval(connection, project_id, eval_id)
        if name:
            changed = replace(found, name=name, updated_at=now)
            await eval_store.update_eval(connection, changed)

    await pages.tools.database.write(change)


async def _way_to(request: Request, pages: Pages) -> str:
    """Give the address of the eval or the run of this id, or of the evals that a search finds."""
    asked = request.query_params.get("q", "").strip()
    project_id = project_of(request)

    async def found(connection: AsyncConnection) -> str:
        if eval_id := await eval_lists.eval_of_run(connection, project_id, asked):
            return report_address("../", eval_id, asked)
        try:
            await eval_store.get_eval(connection, project_id, asked)
        except NotFound:
            wanted = eval_filter(asked, (), "", "")
            return evals_address("../", words=wanted.words)
        return runs_address("../", asked)

    return await pages.tools.database.read(found)
