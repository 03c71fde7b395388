"""The routes of a run's report: the page that `report_url` opens."""

import asyncio
from dataclasses import dataclass
from typing import Final

import orjson
from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.evals import Eval
from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.projects import ProjectId
from evald.contract.runs import Run
from evald.dashboard.frame import Frame
from evald.dashboard.items import ItemsPage
from evald.dashboard.list_routes import eval_page
from evald.dashboard.progress import Pace
from evald.dashboard.reading import object_of
from evald.dashboard.report import (
    Background,
    ReportPage,
    render_fragment,
    render_report,
    report_page,
)
from evald.dashboard.serving import Pages, eval_as_shown, frame_of, page, project_of, run_as_shown
from evald.dashboard.snippets import LONGEST_BODY
from evald.rules.paging import PageRequest
from evald.rules.verdict import ITEM_STATUSES, ItemStatus
from evald.store import evals as eval_store
from evald.store import output_items as item_store
from evald.store import runs as run_store
from evald.store.earlier_runs import EarlierRun, completed_before
from evald.store.item_figures import RunFigures, figures_of
from evald.watching.sight import in_flight_of

ITEMS_A_PAGE: Final = 50
EARLIER_RUNS: Final = 19
"""So that with the run itself 20 are in the line of pass rates."""
FEW_ROWS: Final = 100
"""So many rows stand in the programs that repeat a run, if they are short."""


@dataclass(frozen=True)
class _Asked:
    """What the address of a report asks for, and whose reports may be shown."""

    project_id: ProjectId
    eval_id: str
    run_id: str
    status: ItemStatus | None
    after: str | None
    before: str | None
    item_id: str | None
    is_whole: bool = False
    """Whether the page is wanted, and not the parts that change alone."""


@dataclass(frozen=True)
class _Found:
    """What the store has for a report, all of one moment."""

    of_eval: Eval
    run: Run
    items: list[JsonObject]
    next_after: str | None
    previous_before: str | None
    selected: JsonObject | None
    figures: RunFigures
    earlier: tuple[EarlierRun, ...]
    rows: JsonValue


def report_router(pages: Pages) -> APIRouter:
    """Give the routes of reports. An address without a run is the page of the eval."""
    router = APIRouter(include_in_schema=False)

    @router.get("/evaluations/{eval_id}")
    async def report(request: Request, eval_id: str) -> Response:
        run_id = request.query_params.get("run_id")
        if run_id is None:
            return await eval_page(request, pages, eval_id)
        frame = frame_of(request, "../")
        return await page(
            lambda: report_html(request, pages, eval_id, run_id, frame),
            frame=frame,
            what="run",
            asked_id=run_id,
        )

    return router


async def report_html(
    request: Request, pages: Pages, eval_id: str, run_id: str, frame: Frame
) -> str:
    """Give a run's report, as the query asks for it. Raises NotFound and BadRequest."""
    query = request.query_params
    asked = _Asked(
        project_of(request),
        eval_id,
        run_id,
        next((known for known in ITEM_STATUSES if known == query.get("status")), None),
        query.get("after"),
        query.get("before"),
        query.get("item"),
        is_whole=not query.get("fragment"),
    )
    found = await pages.tools.database.read(lambda connection: _found(connection, asked))

    def html() -> str:
        page = _report_page(asked, found, pages, frame)
        return render_report(page) if asked.is_whole else render_fragment(page)

    # In a thread: the texts that were compared are made again, and may be long.
    return await asyncio.to_thread(html)


async def _found(connection: AsyncConnection, asked: _Asked) -> _Found:
    of_eval = await eval_store.get_eval(connection, asked.project_id, asked.eval_id)
    run = await run_store.get_run_without_rows(
        connection, asked.project_id, asked.eval_id, asked.run_id
    )
    # Towards the beginning the list is read backwards from `before` and turned round.
    backwards = asked.before is not None
    request = (
        PageRequest(asked.before, ITEMS_A_PAGE, "desc")
        if backwards
        else PageRequest(asked.after, ITEMS_A_PAGE, "asc")
    )
    listed = await item_store.list_items(
        connection, run.id, request, status=asked.status, by_row=True
    )
    items = list(reversed(listed.objects)) if backwards else list(listed.objects)
    more_behind = backwards or listed.has_more
    more_before = listed.has_more if backwards else asked.after is not None
    selected = asked.item_id and await item_store.get_item(connection, run.id, asked.item_id)
    return _Found(
        of_eval,
        run,
        [orjson.loads(body) for _, body in items],
        next_after=items[-1][0] if items and more_behind else None,
        previous_before=items[0][0] if items and more_before else None,
        selected=orjson.loads(selected) if selected else None,
        figures=await figures_of(connection, run.id),
        earlier=await completed_before(connection, run.id, EARLIER_RUNS),
        rows=await _few_rows(connection, run) if asked.is_whole else None,
    )


async def _few_rows(connection: AsyncConnection, run: Run) -> JsonValue:
    """Give the rows that came with the request of a run, if they are few; else None.

    All of them can be many megabytes, which are not read for a page.
    """
    # An imported run does not tell, but has an item for each row that was carried out.
    rows = run.row_count or run.counts.total
    if not rows or rows > FEW_ROWS:
        return None
    text = await run_store.short_data_source(connection, run.id, LONGEST_BODY)
    source = object_of(orjson.loads(text)).get("source") if text else None
    return object_of(source).get("content")


def _report_page(asked: _Asked, found: _Found, pages: Pages, frame: Frame) -> ReportPage:
    counts = found.run.counts
    totals = {"pass": counts.passed, "fail": counts.failed, "error": counts.errored}
    page = ItemsPage(
        status=asked.status,
        shown=len(found.items),
        total=counts.total if asked.status is None else totals[asked.status],
        after=asked.after,
        before=asked.before,
        next_after=found.next_after,
        previous_before=found.previous_before,
    )
    return report_page(
        eval_object=eval_as_shown(found.of_eval),
        run=run_as_shown(found.run, pages),
        items=found.items,
        page=page,
        selected=found.selected,
        frame=frame,
        now=pages.tools.clock(),
        background=Background(
            figures=found.figures,
            earlier=found.earlier,
            prices=pages.prices,
            rows=found.rows,
            base_url=f"{pages.public_url}/v1",
            pace=Pace(
                in_flight_of(found.run, pages.tools), found.figures.retries, found.figures.indexed
            ),
        ),
    )
