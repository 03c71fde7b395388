"""The routes of a run's report: the page that `report_url` opens."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.evals import Eval
from evald.contract.json_types import JsonValue
from evald.contract.projects import ProjectId
from evald.contract.runs import Run
from evald.dashboard.addresses import ReportAddresses
from evald.dashboard.frame import Frame
from evald.dashboard.items_found import ItemsFound, items_found
from evald.dashboard.items_query import is_of_a_form, read_asked
from evald.dashboard.list_routes import eval_page
from evald.dashboard.progress import Pace
from evald.dashboard.reading import object_of
from evald.dashboard.report import (
    Background,
    ReportPage,
    render_fragment,
    render_items,
    render_report,
    report_page,
)
from evald.dashboard.serving import Pages, eval_as_shown, frame_of, page, project_of, run_as_shown
from evald.dashboard.snippets import LONGEST_BODY
from evald.errors import NotFound
from evald.rules.item_query import ItemQuery
from evald.rules.item_query_words import Parameters
from evald.store import evals as eval_store
from evald.store import runs as run_store
from evald.store.earlier_runs import EarlierRun, completed_before
from evald.store.item_figures import RunFigures, figures_of, indexed_of
from evald.watching.sight import in_flight_of

EARLIER_RUNS: Final = 19
"""So that with the run itself 20 are in the line of pass rates."""
FEW_ROWS: Final = 100
"""So many rows stand in the programs that repeat a run, if they are short."""


Parts = Literal["page", "changing", "items"]
"""What is wanted of a report: the page, its parts that change, or of those the items alone."""


RENDERED: Final[dict[Parts, Callable[[ReportPage], str]]] = {
    "page": render_report,
    "changing": render_fragment,
    "items": render_items,
}


@dataclass(frozen=True)
class _Asked:
    """What the address of a report asks for, and whose reports may be shown."""

    project_id: ProjectId
    eval_id: str
    run_id: str
    parameters: Parameters
    parts: Parts
    is_shared: bool = False
    """Whether a share link was followed, whose readers learn of no other run."""


@dataclass(frozen=True)
class _Found:
    """What the store has for a report, all of one moment."""

    of_eval: Eval
    run: Run
    listed: ItemsFound
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
        if is_from_form(request):
            return await from_form(request, pages, ReportAddresses(eval_id, run_id, "../"))
        frame = frame_of(request, "../")
        return await page(
            lambda: report_html(request, pages, eval_id, run_id, frame),
            frame=frame,
            what="run",
            asked_id=run_id,
        )

    return router


async def from_form(request: Request, pages: Pages, addresses: ReportAddresses) -> Response:
    """Lead to the address of what a form has asked for, without the fields that were left empty."""
    project_id = project_of(request)

    async def criteria(connection: AsyncConnection) -> int:
        of_eval = await eval_store.get_eval(connection, project_id, addresses.eval_id)
        return len(of_eval.testing_criteria)

    try:
        number = await pages.tools.database.read(criteria)
    except NotFound:
        number = 0  # the page that this leads to says so
    asked = read_asked(request.query_params.multi_items(), number)
    return RedirectResponse(addresses.items_page(asked), 303)


def is_from_form(request: Request) -> bool:
    """Say whether a browser asks for a page by one of the forms above the items."""
    return is_of_a_form(request.query_params.multi_items()) and _parts(request) == "page"


def _parts(request: Request) -> Parts:
    fragment = request.query_params.get("fragment")
    return "page" if fragment is None else "items" if fragment == "items" else "changing"


async def report_html(
    request: Request, pages: Pages, eval_id: str, run_id: str, frame: Frame
) -> str:
    """Give a run's report, as the query asks for it. Raises NotFound and BadRequest."""
    asked = _Asked(
        project_of(request),
        eval_id,
        run_id,
        request.query_params.multi_items(),
        parts=_parts(request),
        is_shared=bool(frame.share),
    )
    found = await pages.tools.database.read(lambda connection: _found(connection, asked))

    def html() -> str:
        return RENDERED[asked.parts](_report_page(found, pages, frame))

    # In a thread: the texts that were compared are made again, and may be long.
    return await asyncio.to_thread(html)


async def _found(connection: AsyncConnection, asked: _Asked) -> _Found:
    of_eval = await eval_store.get_eval(connection, asked.project_id, asked.eval_id)
    run = await run_store.get_run_without_rows(
        connection, asked.project_id, asked.eval_id, asked.run_id
    )
    items_asked = read_asked(asked.parameters, len(of_eval.testing_criteria))
    figures = await _figures(connection, run.id, asked.parts, items_asked.query)
    knows_earlier = asked.parts != "items" and not asked.is_shared
    return _Found(
        of_eval,
        run,
        await items_found(connection, run, items_asked, figures),
        figures,
        await completed_before(connection, run.id, EARLIER_RUNS) if knows_earlier else (),
        await _few_rows(connection, run) if asked.parts == "page" else None,
    )


async def _figures(
    connection: AsyncConnection, run_id: str, parts: Parts, query: ItemQuery
) -> RunFigures:
    """Give the kept figures, or what a list of items needs of them."""
    if parts != "items" or query.reason is not None:
        return await figures_of(connection, run_id)
    return RunFigures(indexed=(await indexed_of(connection, run_id)).items)


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


def _report_page(found: _Found, pages: Pages, frame: Frame) -> ReportPage:
    return report_page(
        eval_object=eval_as_shown(found.of_eval),
        run=run_as_shown(found.run, pages),
        items=found.listed.items,
        page=found.listed.page,
        selected=found.listed.selected,
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
