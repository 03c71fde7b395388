"""The routes of the page that compares runs."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.evals import Eval
from evald.contract.json_types import JsonObject
from evald.contract.runs import Run
from evald.dashboard.addresses import CompareAddresses
from evald.dashboard.compare import Shown, compare_page, render_compare, render_comparing
from evald.dashboard.compare_choice import render_choice
from evald.dashboard.compare_rows import SEGMENTS, Items, segment_of
from evald.dashboard.frame import Frame
from evald.dashboard.headers import security_headers
from evald.dashboard.serving import Pages, eval_as_shown, frame_of, page, project_of, run_as_shown
from evald.errors import NotFound
from evald.reports.comparing import MOST_RUNS, Compared, Underway
from evald.reports.row_pages import RowsPage, page_of_rows
from evald.rules.paging import PageRequest
from evald.store import evals as eval_store
from evald.store import output_items as item_store
from evald.store import runs as run_store
from evald.store.pages import Page

ROWS_A_PAGE: Final = 25
RUNS_TO_CHOOSE: Final = 50
PATIENCE: Final = 0.5
"""Seconds that a reader waits for a comparison of many items before a page says how far it is."""
_ROOT: Final = "../../"


def compare_router(pages: Pages) -> APIRouter:
    """Give the route of the comparison, which asks for runs where it was given fewer than two."""
    router = APIRouter(include_in_schema=False)

    @router.get("/evaluations/{eval_id}/compare")
    async def compare(request: Request, eval_id: str) -> Response:
        frame = frame_of(request, _ROOT)
        run_ids = list(dict.fromkeys(request.query_params.getlist("run")))
        if not 2 <= len(run_ids) <= MOST_RUNS:
            return await page(
                lambda: _choice(request, pages, eval_id, run_ids, frame),
                frame=frame,
                what="eval",
                asked_id=eval_id,
            )
        if request.query_params.get("baseline") == "oldest":
            with suppress(NotFound):
                return await _oldest_first(request, pages, eval_id, run_ids)
        return await page(
            lambda: _compare(request, pages, eval_id, run_ids, frame), frame=frame, what="run"
        )

    return router


async def _oldest_first(
    request: Request, pages: Pages, eval_id: str, run_ids: Sequence[str]
) -> Response:
    """Lead to the comparison with the oldest run as the baseline: forms give the newest first."""
    project_id = project_of(request)

    async def found(connection: AsyncConnection) -> list[Run]:
        return [
            await run_store.get_run_without_rows(connection, project_id, eval_id, run_id)
            for run_id in reversed(run_ids)  # those of the same second stay so: the oldest first
        ]

    runs = sorted(await pages.tools.database.read(found), key=lambda run: run.created_at)
    addresses = CompareAddresses(eval_id, [run.id for run in runs], _ROOT)
    return RedirectResponse(addresses.compare(), 303, security_headers())


async def _choice(
    request: Request, pages: Pages, eval_id: str, chosen: Sequence[str], frame: Frame
) -> str:
    asked = PageRequest(request.query_params.get("after"), RUNS_TO_CHOOSE, "desc")
    project_id = project_of(request)

    async def listed(connection: AsyncConnection) -> tuple[Eval, Page[Run]]:
        of_eval = await eval_store.get_eval(connection, project_id, eval_id)
        return of_eval, await run_store.list_runs_without_rows(connection, eval_id, asked)

    of_eval, found = await pages.tools.database.read(listed)
    return render_choice(
        eval_object=eval_as_shown(of_eval),
        runs=[run_as_shown(run, pages) for run in found.objects],
        chosen=chosen,
        frame=frame,
        next_after=found.objects[-1].id if found.has_more else None,
        now=pages.tools.clock(),
    )


async def _compare(
    request: Request, pages: Pages, eval_id: str, run_ids: Sequence[str], frame: Frame
) -> str:
    compared = await pages.comparisons.of(project_of(request), eval_id, run_ids, patience=PATIENCE)
    of_eval = eval_as_shown(compared.of_eval)
    if isinstance(compared, Underway):
        return render_comparing(compared, of_eval, frame)
    runs = [run_as_shown(run, pages) for run in compared.runs]
    shown = await _shown(request, pages, compared)
    # In a thread: what the outputs differ in is computed, and they may be long.
    return await asyncio.to_thread(
        lambda: render_compare(
            compare_page(
                compared=compared, eval_object=of_eval, runs=runs, shown=shown, frame=frame
            )
        )
    )


async def _shown(request: Request, pages: Pages, compared: Compared) -> Shown:
    """Read what is asked for of the rows. Raises BadRequest."""
    query = request.query_params
    ids = [run.id for run in compared.runs]
    against = query.get("against")
    place = ids.index(against) if against in ids[1:] else 1
    segment = segment_of(query.get("rows"))
    comparison = compared.comparisons[place - 1]
    found = page_of_rows(comparison, SEGMENTS[segment][1], query.get("after"), ROWS_A_PAGE)
    items = await _items(pages, ids[0], ids[place], found)
    return Shown(place, segment, query.get("after"), found, items)


async def _items(pages: Pages, baseline_id: str, run_id: str, found: RowsPage) -> Items:
    async def bodies(connection: AsyncConnection) -> tuple[dict[int, str], ...]:
        return (
            await item_store.bodies_of_rows(
                connection, baseline_id, found.numbers(of_baseline=True)
            ),
            await item_store.bodies_of_rows(connection, run_id, found.numbers(of_baseline=False)),
        )

    of_baseline, of_run = await pages.tools.database.read(bodies)
    return Items(baseline_id, run_id, _parsed(of_baseline), _parsed(of_run))


def _parsed(bodies: dict[int, str]) -> dict[int, JsonObject]:
    return {row: orjson.loads(body) for row, body in bodies.items()}
