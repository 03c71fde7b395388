"""The routes of runs (contract section 2.2)."""

import orjson
from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.api.bodies import json_answer, read_text
from evald.api.document import described
from evald.api.idempotency import KEY_PARAMETER, Keep, created_once
from evald.api.queries import After, Limit, Order, RunStatus
from evald.api.services import Given, OfProject
from evald.api.strict import StrictRoute
from evald.contract.pages import page_json
from evald.contract.runs import (
    STATUSES,
    CreateRun,
    DeletedRun,
    ResumeRun,
    Run,
    RunObject,
    RunPage,
    Status,
)
from evald.rules.paging import one_of, page_request
from evald.rules.requests import request_in
from evald.rules.status import Event
from evald.runs.cancel import cancel_run
from evald.runs.create import create_run
from evald.runs.delete import delete_run
from evald.runs.given_run import given_run
from evald.runs.imported_evals import check_imported
from evald.runs.resume import Resume, resume_run
from evald.store import evals as eval_store
from evald.store import runs as run_store
from evald.store.idempotency_keys import FirstAnswer
from evald.store.pages import Page

router = APIRouter(tags=["runs"], route_class=StrictRoute)


@described(RunObject, takes=CreateRun)
@router.post("/evals/{eval_id}/runs", status_code=201, openapi_extra=KEY_PARAMETER)
async def create(
    eval_id: str, request: Request, services: Given, project_id: OfProject
) -> Response:
    """Create a run; it is queued, and carried out behind the answer."""

    async def made(keep: Keep) -> bytes:
        of_eval = await services.database.read(
            lambda connection: eval_store.get_eval(connection, project_id, eval_id)
        )
        await check_imported(of_eval, services.sources_aside, services.tools)
        given = await given_run(of_eval, await read_text(request), services.bodies_aside)
        answer = b""

        async def also(connection: AsyncConnection, run: Run) -> None:
            nonlocal answer
            answer = run.as_json(services.public_url)  # once: it can be many megabytes
            await keep(connection, FirstAnswer(run.eval_id, run.id, answer))

        await create_run(of_eval, given, services.tools, services.dispatch, also)
        return answer

    return await created_once(request, project_id, services, f"/evals/{eval_id}/runs", made)


@described(RunPage)
@router.get("/evals/{eval_id}/runs")
async def list_(
    eval_id: str,
    services: Given,
    project_id: OfProject,
    after: After = None,
    limit: Limit = None,
    order: Order = None,
    status: RunStatus = None,
) -> Response:
    """List the runs of an eval, the oldest first unless asked otherwise."""
    page = page_request(after, limit, order)
    wanted: Status | None = one_of(status, STATUSES, "status", STATUSES[0]) if status else None

    async def listed(connection: AsyncConnection) -> Page[Run]:
        await eval_store.get_eval(connection, project_id, eval_id)
        return await run_store.list_runs(connection, eval_id, page, wanted)

    found = await services.database.read(listed)
    objects = [(run.id, run.as_json(services.public_url)) for run in found.objects]
    return json_answer(page_json(objects, has_more=found.has_more))


@described(RunObject)
@router.get("/evals/{eval_id}/runs/{run_id}")
async def retrieve(eval_id: str, run_id: str, services: Given, project_id: OfProject) -> Response:
    """Give one run, with its counts as they are now."""
    run = await services.database.read(
        lambda connection: run_store.get_run(connection, project_id, eval_id, run_id)
    )
    return json_answer(run.as_json(services.public_url))


@described(RunObject)
@router.post("/evals/{eval_id}/runs/{run_id}")
@router.post("/evals/{eval_id}/runs/{run_id}/cancel")
async def cancel(eval_id: str, run_id: str, services: Given, project_id: OfProject) -> Response:
    """Cancel a run: the answer has its final counts, and no model call begins after it.

    Clients up to openai-python 3.22 use the first path, later ones the second. A body is not read.
    """
    run = await cancel_run(project_id, eval_id, run_id, services.tools, services.dispatch)
    return json_answer(run.as_json(services.public_url))


@described(RunObject, takes=ResumeRun, may_lack_body=True)
@router.post("/evals/{eval_id}/runs/{run_id}/resume")
async def resume(
    eval_id: str, run_id: str, request: Request, services: Given, project_id: OfProject
) -> Response:
    """Have a run go on that was canceled or failed; with `retry`, redo its errored rows as well.

    One that is under way, or has nothing left to do, is answered unchanged. The body may be left out.
    """
    text = await request.body()
    asked = request_in(text, ResumeRun) if text.strip() else ResumeRun()
    event: Event = "resume" if asked.retry is None else "retry"
    which = Resume(project_id, eval_id, run_id, event)
    run = await resume_run(which, services.tools, services.dispatch)
    return json_answer(run.as_json(services.public_url))


@described(DeletedRun)
@router.delete("/evals/{eval_id}/runs/{run_id}")
async def delete(eval_id: str, run_id: str, services: Given, project_id: OfProject) -> Response:
    """Delete a run with its output items; one in progress is canceled first."""
    await delete_run(project_id, eval_id, run_id, services.tools, services.dispatch)
    gone: DeletedRun = {"object": "eval.run.deleted", "deleted": True, "run_id": run_id}
    return json_answer(orjson.dumps(gone))
