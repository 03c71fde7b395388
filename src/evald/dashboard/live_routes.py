"""The route by which a report that is open follows its run."""

import asyncio
from typing import Final

from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.evals import Eval
from evald.dashboard.frame import Frame
from evald.dashboard.headers import security_headers
from evald.dashboard.items import ItemsPage
from evald.dashboard.progress import Pace
from evald.dashboard.report import Background, ReportPage, render_live, report_page
from evald.dashboard.report_routes import EARLIER_RUNS
from evald.dashboard.serving import Pages, eval_as_shown, project_of, run_as_shown
from evald.store import evals as eval_store
from evald.store.earlier_runs import EarlierRun, completed_before
from evald.store.item_figures import RunFigures, figures_of
from evald.watching.sight import Sight, WatchedRun
from evald.watching.stream import EventStream, Telling, event

PARTS: Final = "parts"
"""The event with the parts of the report that change while the run goes on."""
END: Final = "end"
GONE: Final = "gone"
NOTHING: Final = b"{}"


def live_router(pages: Pages) -> APIRouter:
    """Give the route of the events that open reports listen to."""
    router = APIRouter(include_in_schema=False)

    @router.get("/evaluations/{eval_id}/runs/{run_id}/live")
    async def live(request: Request, eval_id: str, run_id: str) -> Response:
        watched = WatchedRun(project_of(request), eval_id, run_id)
        telling = _telling(watched, pages)
        return EventStream(pages.watches, watched, telling, request, security_headers())

    return router


def _telling(watched: WatchedRun, pages: Pages) -> Telling:
    async def tell(sight: Sight) -> bytes:
        page = await _report(watched, sight, pages)
        html = (await asyncio.to_thread(render_live, page)).encode()
        if not sight.is_settled:
            return event(PARTS, html, sight.id_with_figures)
        return event(PARTS, html) + event(END, NOTHING, sight.id_with_figures)

    return Telling(
        "html",
        id_of=lambda sight: sight.id_with_figures,
        tell=tell,
        is_last=lambda sight: sight.is_settled,
        over=event(END, NOTHING),
        gone=event(GONE, NOTHING),
    )


async def _report(watched: WatchedRun, sight: Sight, pages: Pages) -> ReportPage:
    """Give the report of a run as all who watch it see it, without items. Raises NotFound."""

    async def found(
        connection: AsyncConnection,
    ) -> tuple[Eval, RunFigures, tuple[EarlierRun, ...]]:
        return (
            await eval_store.get_eval(connection, watched.project_id, watched.eval_id),
            await figures_of(connection, watched.run_id),
            await completed_before(connection, watched.run_id, EARLIER_RUNS),
        )

    of_eval, figures, earlier = await pages.tools.database.read(found)
    pace = Pace(sight.in_flight, figures.retries, figures.indexed, sight.items_per_second)
    return report_page(
        eval_object=eval_as_shown(of_eval),
        run=run_as_shown(sight.run, pages),
        items=[],
        page=ItemsPage(shown=0, total=sight.run.counts.total),
        selected=None,
        frame=Frame("../"),
        now=pages.tools.clock(),
        background=Background(figures, earlier, pages.prices, pace=pace),
    )
