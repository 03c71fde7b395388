"""The routes of output items (contract section 2.3)."""

from fastapi import APIRouter, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.api.bodies import json_answer
from evald.api.document import described
from evald.api.queries import STATUS_WORDS, After, ItemOrder, ItemStatus, Limit, Order
from evald.api.services import Given, OfProject
from evald.api.strict import StrictRoute
from evald.contract.output_items import OutputItemObject, OutputItemPage
from evald.contract.pages import page_json
from evald.rules.paging import one_of, page_request
from evald.store import output_items as item_store
from evald.store import runs as run_store
from evald.store.pages import Page

router = APIRouter(tags=["output items"], route_class=StrictRoute)


@described(OutputItemPage)
@router.get("/evals/{eval_id}/runs/{run_id}/output_items")
async def list_(
    eval_id: str,
    run_id: str,
    services: Given,
    project_id: OfProject,
    after: After = None,
    limit: Limit = None,
    order: Order = None,
    status: ItemStatus = None,
    order_by: ItemOrder = None,
) -> Response:
    """List the output items of a run in the order in which they were saved, also while it goes on.

    `order_by=datasource_item_id` gives them in the order of the rows instead.
    """
    page = page_request(after, limit, order)
    word = one_of(status, list(STATUS_WORDS), "status", "pass") if status else None
    by = one_of(order_by, ["created_at", "datasource_item_id"], "order_by", "created_at")

    async def listed(connection: AsyncConnection) -> Page[tuple[str, str]]:
        await run_store.check_run(connection, project_id, eval_id, run_id)
        wanted = STATUS_WORDS[word] if word else None
        by_row = by == "datasource_item_id"
        return await item_store.list_items(connection, run_id, page, status=wanted, by_row=by_row)

    found = await services.database.read(listed)
    return json_answer(page_json(found.objects, has_more=found.has_more))


@described(OutputItemObject)
@router.get("/evals/{eval_id}/runs/{run_id}/output_items/{output_item_id}")
async def retrieve(
    eval_id: str, run_id: str, output_item_id: str, services: Given, project_id: OfProject
) -> Response:
    """Give one output item."""

    async def found(connection: AsyncConnection) -> str:
        await run_store.check_run(connection, project_id, eval_id, run_id)
        return await item_store.get_item(connection, run_id, output_item_id)

    return json_answer(await services.database.read(found))
