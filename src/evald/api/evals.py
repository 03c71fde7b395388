"""The routes of evals (contract section 2.1)."""

from dataclasses import replace
from typing import get_args

import orjson
from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.api.bodies import json_answer, read_body
from evald.api.document import described
from evald.api.idempotency import KEY_PARAMETER, Keep, created_once
from evald.api.queries import After, EvalOrder, Limit, Order
from evald.api.services import Given, OfProject
from evald.api.strict import StrictRoute
from evald.contract.evals import (
    CreateEval,
    DeletedEval,
    Eval,
    EvalObject,
    EvalPage,
    UpdateEval,
)
from evald.contract.pages import page_json
from evald.rules import json_text
from evald.rules.paging import one_of, page_request
from evald.runs.delete import delete_eval
from evald.runs.new_eval import new_eval
from evald.store import evals as eval_store
from evald.store.evals import OrderBy
from evald.store.idempotency_keys import FirstAnswer

router = APIRouter(tags=["evals"], route_class=StrictRoute)


@described(EvalObject, takes=CreateEval)
@router.post("/evals", status_code=201, openapi_extra=KEY_PARAMETER)
async def create(request: Request, services: Given, project_id: OfProject) -> Response:
    """Create an eval: what its items look like, and the criteria that test them."""

    async def made(keep: Keep) -> bytes:
        asked = await read_body(request, CreateEval)
        new = await new_eval(asked, project_id, services.sources_aside, services.tools)
        answer = json_text.dump_bytes(new.as_json())  # first: what cannot be answered is not kept

        async def insert(connection: AsyncConnection) -> None:
            await eval_store.insert_eval(connection, new)
            await keep(connection, FirstAnswer(new.id, None, answer))

        await services.database.write(insert)
        return answer

    return await created_once(request, project_id, services, "/evals", made)


@described(EvalPage)
@router.get("/evals")
async def list_(
    services: Given,
    project_id: OfProject,
    after: After = None,
    limit: Limit = None,
    order: Order = None,
    order_by: EvalOrder = None,
) -> Response:
    """List evals, the oldest first unless asked otherwise."""
    page = page_request(after, limit, order)
    by: OrderBy = one_of(order_by, get_args(OrderBy), "order_by", "created_at")
    found = await services.database.read(
        lambda connection: eval_store.list_evals(connection, project_id, page, by)
    )
    objects = [(each.id, orjson.dumps(each.as_json())) for each in found.objects]
    return json_answer(page_json(objects, has_more=found.has_more))


@described(EvalObject)
@router.get("/evals/{eval_id}")
async def retrieve(eval_id: str, services: Given, project_id: OfProject) -> Response:
    """Give one eval."""
    found = await services.database.read(
        lambda connection: eval_store.get_eval(connection, project_id, eval_id)
    )
    return json_answer(orjson.dumps(found.as_json()))


@described(EvalObject, takes=UpdateEval)
@router.post("/evals/{eval_id}")
async def update(
    eval_id: str, request: Request, services: Given, project_id: OfProject
) -> Response:
    """Change the name or the metadata of an eval; nothing else can change."""
    asked = await read_body(request, UpdateEval)
    now = int(services.tools.clock())

    async def change(connection: AsyncConnection) -> Eval:
        found = await eval_store.hold_eval(connection, project_id, eval_id)
        changed = replace(
            found,
            name=asked.name if asked.name is not None else found.name,
            metadata=(asked.metadata or {})
            if "metadata" in asked.model_fields_set
            else found.metadata,
            updated_at=now,
        )
        await eval_store.update_eval(connection, changed)
        return changed

    changed = await services.database.write(change)
    return json_answer(orjson.dumps(changed.as_json()))


@described(DeletedEval)
@router.delete("/evals/{eval_id}")
async def delete(eval_id: str, services: Given, project_id: OfProject) -> Response:
    """Delete an eval with its runs; those in progress are canceled first."""
    await delete_eval(project_id, eval_id, services.tools, services.dispatch)
    gone: DeletedEval = {"object": "eval.deleted", "deleted": True, "eval_id": eval_id}
    return json_answer(orjson.dumps(gone))
