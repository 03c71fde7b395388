"""The routes of the pages: ask the store, render, answer. The only file of this room that does I/O."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal, cast

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.access.access import Access
from evald.access.cookie import SessionCookie
from evald.contract.evals import Eval
from evald.contract.json_types import JsonObject
from evald.contract.projects import ProjectId
from evald.contract.runs import Run
from evald.dashboard.addresses import report_address
from evald.dashboard.errors_page import render_not_found
from evald.dashboard.items import ItemsPage
from evald.dashboard.lists import render_evals, render_runs
from evald.dashboard.rendering import STATIC_FOLDER
from evald.dashboard.report import (
    ReportPage,
    render_fragment,
    render_report,
    report_page,
    security_headers,
)
from evald.dashboard.sign_in import Door, sign_in_router
from evald.errors import BadRequest, NotFound
from evald.rules.paging import PageRequest
from evald.rules.verdict import ITEM_STATUSES, ItemStatus
from evald.runs.cancel import cancel_run
from evald.runs.tools import Dispatch, Tools
from evald.store import evals as eval_store
from evald.store import output_items as item_store
from evald.store import runs as run_store
from evald.store.pages import Page

ITEMS_A_PAGE: Final = 50
LISTED: Final = 50
A_YEAR: Final = "public, max-age=31536000, immutable"
STATIC_FILES: Final = {
    file.name: file for file in STATIC_FOLDER.iterdir() if file.suffix in (".css", ".js")
}


@dataclass(frozen=True)
class Pages:
    """What the pages are made from."""

    tools: Tools
    dispatch: Dispatch
    public_url: str
    access: Access
    cookie: SessionCookie


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


@dataclass(frozen=True)
class _Found:
    """What the store has for a report, all of one moment."""

    of_eval: Eval
    run: Run
    items: list[JsonObject]
    next_after: str | None
    previous_before: str | None
    selected: JsonObject | None


def pages_router(pages: Pages) -> APIRouter:
    """Give the routes of all pages."""
    router = APIRouter(include_in_schema=False)
    router.include_router(sign_in_router(Door(pages.access, pages.cookie)))

    @router.get("/")
    async def evals(request: Request) -> Response:
        return await _page(request, "page", "", lambda: _evals(request, pages), root="./")

    @router.get("/evaluations/{eval_id}")
    async def report(request: Request, eval_id: str) -> Response:
        run_id = request.query_params.get("run_id")
        if run_id is None:
            return await _page(request, "eval", eval_id, lambda: _runs(request, pages, eval_id))
        return await _page(request, "run", run_id, lambda: _report(request, pages, eval_id, run_id))

    @router.post("/evaluations/{eval_id}/runs/{run_id}/cancel")
    async def cancel(request: Request, eval_id: str, run_id: str) -> Response:
        await cancel_run(_project(request), eval_id, run_id, pages.tools, pages.dispatch)
        return RedirectResponse(report_address("../../../../", eval_id, run_id), 303)

    @router.get("/static/{name}")
    async def static(name: str) -> Response:
        if name not in STATIC_FILES:
            raise NotFound(f"There is no file '{name[:80]}'.")
        headers = {**security_headers(), "cache-control": A_YEAR}
        return FileResponse(STATIC_FILES[name], headers=headers)

    @router.get("/favicon.ico")
    async def no_icon() -> Response:
        # Browsers ask for one where a page names none: an item opened as JSON, say.
        return Response(status_code=204, headers={"cache-control": A_YEAR})

    return router


async def _page(
    request: Request,
    what: Literal["eval", "run", "page"],
    asked_id: str,
    html: Callable[[], Awaitable[str]],
    *,
    root: str = "../",
) -> Response:
    try:
        return HTMLResponse(await html(), headers=security_headers())
    except (NotFound, BadRequest):
        text = render_not_found(
            what,
            asked_id=asked_id,
            theme=_theme(request),
            root=root,
            signed_in_to=_signed_in_to(request),
        )
        return HTMLResponse(text, 404, headers=security_headers())


def _theme(request: Request) -> str:
    return request.cookies.get("theme", "")


def _project(request: Request) -> ProjectId:
    # Set by the gate, which lets no request to a page without it.
    project_id: ProjectId = request.state.project_id
    return project_id


def _signed_in_to(request: Request) -> str:
    """Give the name of the project of a reader who has signed in, or nothing on an open server."""
    name: str = getattr(request.state, "signed_in_to", "")
    return name


async def _evals(request: Request, pages: Pages) -> str:
    asked = PageRequest(request.query_params.get("after"), LISTED, "desc")
    project_id = _project(request)
    found = await pages.tools.database.read(
        lambda connection: eval_store.list_evals(connection, project_id, asked, "created_at")
    )
    return render_evals(
        evals=[_eval_object(each) for each in found.objects],
        theme=_theme(request),
        next_after=found.objects[-1].id if found.has_more else None,
        signed_in_to=_signed_in_to(request),
    )


async def _runs(request: Request, pages: Pages, eval_id: str) -> str:
    asked = PageRequest(request.query_params.get("after"), LISTED, "desc")
    project_id = _project(request)

    async def listed(connection: AsyncConnection) -> tuple[Eval, Page[Run]]:
        of_eval = await eval_store.get_eval(connection, project_id, eval_id)
        return of_eval, await run_store.list_runs_without_rows(connection, eval_id, asked)

    of_eval, found = await pages.tools.database.read(listed)
    return render_runs(
        eval_object=_eval_object(of_eval),
        runs=[_api_object(run, pages) for run in found.objects],
        theme=_theme(request),
        next_after=found.objects[-1].id if found.has_more else None,
        signed_in_to=_signed_in_to(request),
    )


async def _report(request: Request, pages: Pages, eval_id: str, run_id: str) -> str:
    query = request.query_params
    asked = _Asked(
        _project(request),
        eval_id,
        run_id,
        next((known for known in ITEM_STATUSES if known == query.get("status")), None),
        query.get("after"),
        query.get("before"),
        query.get("item"),
    )
    found = await pages.tools.database.read(lambda connection: _found(connection, asked))

    def html() -> str:
        page = _report_page(asked, found, pages, request)
        return render_fragment(page) if query.get("fragment") else render_report(page)

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
    )


def _report_page(asked: _Asked, found: _Found, pages: Pages, request: Request) -> ReportPage:
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
        eval_object=_eval_object(found.of_eval),
        run=_api_object(found.run, pages),
        items=found.items,
        page=page,
        selected=found.selected,
        theme=_theme(request),
        signed_in_to=_signed_in_to(request),
        now=pages.tools.clock(),
    )


def _eval_object(of_eval: Eval) -> JsonObject:
    return cast("JsonObject", of_eval.as_json())


def _api_object(run: Run, pages: Pages) -> JsonObject:
    value: JsonObject = orjson.loads(run.as_json(pages.public_url))
    return value
