"""The routes of the form for a new eval: shown, previewed, and started."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from evald.contract.data_source_configs import item_schema_of
from evald.contract.evals import CreateEval, Eval
from evald.contract.files import File
from evald.contract.projects import ProjectId
from evald.contract.runs import Run
from evald.contract.validation import read_request
from evald.dashboard.addresses import report_address
from evald.dashboard.form_faults import NO_FAULTS, FormFault, FormFaults, fault_of_refusal
from evald.dashboard.form_preview import preview_of
from evald.dashboard.given_rows import given_rows, keep_rows, refused, unreadable
from evald.dashboard.headers import security_headers
from evald.dashboard.models_shown import models_of
from evald.dashboard.new_eval_checks import faults_of_form
from evald.dashboard.new_eval_form import EXAMPLE, NewEvalForm, new_eval_form
from evald.dashboard.new_eval_page import NewEvalPage, render_new_eval
from evald.dashboard.new_eval_requests import (
    GivenRows,
    eval_request,
    fields_of_params,
    run_request,
)
from evald.dashboard.serving import Pages, frame_of, project_of
from evald.dashboard.started_once import key_of_form, known_nonce, new_nonce, started_once
from evald.dashboard.typed_forms import TypedForm, typed_form
from evald.dashboard.uploaded_rows import UnreadableRows
from evald.errors import ApiError, BadRequest, TooLarge
from evald.rules import json_text
from evald.rules.paging import PageRequest
from evald.runs.asked_models import check_served
from evald.runs.create import Also, create_with_eval
from evald.runs.given import GivenRun, read_run
from evald.runs.new_eval import new_eval
from evald.runs.usable_here import check_usable
from evald.store import files as file_store

ROUTE: Final = "/dashboard/new"
FILES_LISTED: Final = 30


def form_router(pages: Pages) -> APIRouter:
    """Give the routes of the form for a new eval."""
    router = APIRouter(include_in_schema=False)

    @router.get(ROUTE)
    async def shown(request: Request) -> Response:
        query = request.query_params
        form = EXAMPLE if query.get("example") else NewEvalForm()
        if file_id := query.get("file"):
            form = replace(form, rows_from="file", file_id=file_id)
        return await _answer(request, pages, _Sent(form, new_nonce()))

    @router.post(ROUTE)
    async def sent(request: Request) -> Response:
        try:
            typed = await typed_form(request)
        except (BadRequest, TooLarge) as error:
            faults = FormFaults([FormFault("", error.message)])
            return await _answer(request, pages, _Sent(NewEvalForm(), new_nonce(), faults))
        try:
            return await _sent(request, pages, typed)
        finally:
            if typed.upload is not None:
                await typed.upload.close()

    return router


@dataclass(frozen=True, slots=True)
class _Sent:
    """A form on its way to an answer: what was typed, and what came of it so far."""

    form: NewEvalForm
    nonce: str
    faults: FormFaults = NO_FAULTS
    given: GivenRows | None = None
    """The rows, or None while nobody has asked for a preview."""
    kept: File | None = None
    """The file that an upload has become."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """An eval and its first run that can be created."""

    of_eval: Eval
    run: GivenRun


async def _sent(request: Request, pages: Pages, typed: TypedForm) -> Response:
    project_id = project_of(request)
    sent = await _with_rows(typed, project_id, pages)
    assert sent.given is not None
    faults = await asyncio.to_thread(faults_of_form, sent.form, sent.given)
    if faults:
        return await _answer(request, pages, replace(sent, faults=FormFaults(faults)))
    try:
        ready = await _ready(sent.form, sent.given, project_id, pages)
        # What was uploaded just now nobody has seen the first row of.
        if typed.text("action") == "start" and sent.kept is None:
            return await _started(ready, sent, project_id, pages)
    except ApiError as error:
        fault = fault_of_refusal(error, fields_of_params(sent.form))
        return await _answer(request, pages, replace(sent, faults=FormFaults([fault])))
    return await _answer(request, pages, sent)


async def _with_rows(typed: TypedForm, project_id: ProjectId, pages: Pages) -> _Sent:
    """Read the rows of a form. An upload becomes a file, and the form names that from then on."""
    form, nonce = new_eval_form(typed.texts), known_nonce(typed.text("nonce"))
    kept = None
    if form.rows_from == "upload" and typed.upload is not None:
        try:
            kept = await keep_rows(typed.upload, project_id, pages.tools)
        except UnreadableRows as error:
            return _Sent(form, nonce, given=unreadable(error))
        except BadRequest as error:
            return _Sent(form, nonce, given=refused(error))
        form = replace(form, rows_from="file", file_id=kept.id)
    given = await given_rows(form, project_id, pages.tools)
    return _Sent(form, nonce, given=given, kept=kept)


async def _ready(
    form: NewEvalForm, given: GivenRows, project_id: ProjectId, pages: Pages
) -> _Ready:
    """Check all that the API would check, and keep nothing. Raises BadRequest."""
    tools = pages.tools
    asked, body = await asyncio.to_thread(_requests, form, given)
    of_eval = await new_eval(asked, project_id, pages.forms.sources_aside, tools)
    await check_usable(of_eval, tools)
    item_schema = item_schema_of(of_eval.data_source_config)
    run = await asyncio.to_thread(read_run, body, item_schema)
    check_served(form.model.strip(), "data_source.model", tools)
    return _Ready(of_eval, run)


def _requests(form: NewEvalForm, given: GivenRows) -> tuple[CreateEval, bytes]:
    """Give the request for the eval, and the body of that for the run."""
    asked = read_request(CreateEval, eval_request(form, given))
    return asked, json_text.dump_bytes(run_request(form, given))


async def _started(ready: _Ready, sent: _Sent, project_id: ProjectId, pages: Pages) -> Response:
    async def start(also: Also) -> Run:
        return await create_with_eval(ready.of_eval, ready.run, pages.tools, pages.dispatch, also)

    key = key_of_form(project_id, ROUTE, sent.nonce, asdict(sent.form))
    eval_id, run_id = await started_once(key, pages.tools, start)
    return RedirectResponse(report_address("../", eval_id, run_id), 303, security_headers())


async def _answer(request: Request, pages: Pages, sent: _Sent) -> Response:
    page = NewEvalPage(
        frame=frame_of(request, "../"),
        form=sent.form,
        nonce=sent.nonce,
        faults=sent.faults,
        models=await models_of(pages),
        files=await _files(project_of(request), pages),
        kept=sent.kept,
        preview=None,
    )

    def html() -> str:
        if sent.given is None:
            return render_new_eval(page)
        return render_new_eval(replace(page, preview=preview_of(sent.form, sent.given)))

    return HTMLResponse(await asyncio.to_thread(html), headers=security_headers())


async def _files(project_id: ProjectId, pages: Pages) -> Sequence[File]:
    asked = PageRequest(None, FILES_LISTED, "desc")
    now = pages.tools.clock()
    found = await pages.tools.database.read(
        lambda connection: file_store.list_files(connection, project_id, asked, "evals", now)
    )
    return found.objects
