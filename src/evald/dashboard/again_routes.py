"""The routes of the form that repeats a run with changes."""

import asyncio
from dataclasses import asdict, dataclass, replace

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.evals import Eval
from evald.contract.runs import Run
from evald.dashboard.addresses import ReportAddresses, report_address
from evald.dashboard.again_form import (
    FIELDS_OF_PARAMS,
    AgainForm,
    again_form,
    changes_of,
    faults_of_again,
    form_of_run,
)
from evald.dashboard.again_page import AgainPage, render_again, render_unrepeatable
from evald.dashboard.errors_page import render_not_found
from evald.dashboard.form_faults import NO_FAULTS, FormFault, FormFaults, fault_of_refusal
from evald.dashboard.headers import security_headers
from evald.dashboard.models_shown import models_of
from evald.dashboard.serving import Pages, frame_of, project_of
from evald.dashboard.started_once import key_of_form, known_nonce, new_nonce, started_once
from evald.dashboard.typed_forms import TypedForm, typed_form
from evald.errors import ApiError, BadRequest, NotFound, TooLarge
from evald.runs.again import Changes, Repeat, first_row, given_again, repeat_of
from evald.runs.create import Also, create_run
from evald.runs.imported_evals import check_imported
from evald.runs.usable_here import check_usable
from evald.store import evals as eval_store
from evald.store import runs as run_store

ROUTE = "/evaluations/{eval_id}/runs/{run_id}/again"
ROOT = "../../../../"


def again_router(pages: Pages) -> APIRouter:
    """Give the routes of the form that repeats a run."""
    router = APIRouter(include_in_schema=False)

    @router.get(ROUTE)
    @router.post(ROUTE)
    async def form(request: Request, eval_id: str, run_id: str) -> Response:
        return await _answer(request, pages, (eval_id, run_id))

    return router


@dataclass(frozen=True, slots=True)
class _Sent:
    """A form for a run, and what came of it so far."""

    repeat: Repeat
    form: AgainForm
    nonce: str
    faults: FormFaults = NO_FAULTS
    changes: Changes | None = None
    """None where there are faults."""


async def _answer(request: Request, pages: Pages, place: tuple[str, str]) -> Response:
    """Answer with the form of a run, with the run that it starts, or with why there is none."""
    frame = frame_of(request, ROOT)
    try:
        of_eval, run = await _found(request, pages, place)
    except NotFound:
        text = render_not_found("run", asked_id=place[1], frame=frame)
        return HTMLResponse(text, 404, headers=security_headers())
    try:
        await check_imported(of_eval, pages.forms.sources_aside, pages.tools)
        await check_usable(of_eval, pages.tools)
        repeat = await repeat_of(run, of_eval, pages.tools)
    except BadRequest as error:
        addresses, names = ReportAddresses(*place, ROOT), (of_eval.name, run.name)
        text = render_unrepeatable(frame, addresses, names, error.message)
        return HTMLResponse(text, headers=security_headers())
    if request.method != "POST":
        return await _page(request, pages, _opened(repeat))
    return await _page_or_run(request, pages, repeat)


async def _page_or_run(request: Request, pages: Pages, repeat: Repeat) -> Response:
    """Answer a form that was sent."""
    try:
        typed = await typed_form(request)
    except (BadRequest, TooLarge) as error:
        fault = FormFault("", error.message)
        opened = replace(_opened(repeat), faults=FormFaults([fault]), changes=None)
        return await _page(request, pages, opened)
    if typed.upload is not None:
        await typed.upload.close()
    sent = await asyncio.to_thread(_sent, repeat, typed)
    if typed.text("action") == "start" and sent.changes is not None:
        try:
            return await _started(sent, sent.changes, pages)
        except ApiError as error:
            fault = fault_of_refusal(error, FIELDS_OF_PARAMS)
            sent = replace(sent, faults=FormFaults([fault]), changes=None)
    return await _page(request, pages, sent)


async def _found(request: Request, pages: Pages, place: tuple[str, str]) -> tuple[Eval, Run]:
    project_id = project_of(request)

    async def found(connection: AsyncConnection) -> tuple[Eval, Run]:
        of_eval = await eval_store.get_eval(connection, project_id, place[0])
        return of_eval, await run_store.get_run_without_rows(connection, project_id, *place)

    return await pages.tools.database.read(found)


def _opened(repeat: Repeat) -> _Sent:
    form = form_of_run(repeat.run.name, repeat.plan)
    return _Sent(repeat, form, new_nonce(), changes=changes_of(form, repeat.plan))


def _sent(repeat: Repeat, typed: TypedForm) -> _Sent:
    form, nonce = again_form(typed.texts, repeat.plan), known_nonce(typed.text("nonce"))
    faults = list(faults_of_again(form, repeat.plan))
    if faults:
        return _Sent(repeat, form, nonce, FormFaults(faults))
    return _Sent(repeat, form, nonce, changes=changes_of(form, repeat.plan))


async def _started(sent: _Sent, changes: Changes, pages: Pages) -> Response:
    repeat, tools = sent.repeat, pages.tools

    async def start(also: Also) -> Run:
        given = await given_again(repeat, changes, pages.forms.bodies_aside, tools)
        return await create_run(repeat.of_eval, given, tools, pages.dispatch, also)

    route = f"/evaluations/{repeat.of_eval.id}/runs/{repeat.run.id}/again"
    key = key_of_form(repeat.of_eval.project_id, route, sent.nonce, asdict(sent.form))
    eval_id, run_id = await started_once(key, tools, start)
    return RedirectResponse(report_address(ROOT, eval_id, run_id), 303, security_headers())


async def _page(request: Request, pages: Pages, sent: _Sent) -> Response:
    shown = AgainPage(
        frame=frame_of(request, ROOT),
        repeat=sent.repeat,
        form=sent.form,
        nonce=sent.nonce,
        faults=sent.faults,
        models=await models_of(pages),
        row=await first_row(sent.repeat, pages.tools),
        changes=sent.changes,
    )
    html = await asyncio.to_thread(render_again, shown)
    return HTMLResponse(html, headers=security_headers())
