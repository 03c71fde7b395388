"""The routes of responses: passed through to the models, and kept, as OpenAI's Responses API does."""

from functools import partial
from typing import Final

import orjson
from fastapi import APIRouter, Request, Response

from evald.api.bodies import json_answer, read_json
from evald.api.document import EVENTS, described
from evald.api.parts import page_of_parts
from evald.api.passing_on import CAPTURE, PassedOn
from evald.api.queries import After, Limit, Order
from evald.api.services import Given, OfProject, Services
from evald.capture.collect import ResponseCollector
from evald.capture.keep import ToKeep
from evald.contract.json_types import JsonObject
from evald.contract.projects import ProjectId
from evald.contract.stored_responses import (
    DeletedResponse,
    InputItemPage,
    ResponseObject,
    ResponseRequest,
    item_objects,
)
from evald.contract.validation import read_request
from evald.errors import BadRequest
from evald.rules import json_text
from evald.rules.paging import page_request
from evald.rules.response_chain import input_of
from evald.store import stored_responses as response_store

router = APIRouter(tags=["responses"])

PATH: Final = "/responses"


# What an endpoint answers has the form that the endpoint gives it, errors too.
@described(JsonObject, takes=ResponseRequest, also_answers=[EVENTS], errors=JsonObject)
@router.post("/responses")
async def create(request: Request, services: Given, project_id: OfProject) -> Response:
    """Pass a request on to the provider of its model, and the answer back as it comes.

    Unless it says `store: false` the response is kept when it is whole, with its `metadata`. The
    endpoint gets the request as it is: what it keeps itself, it may need for a `previous_response_id`.
    """
    text, body = await read_json(request)
    asked = read_request(ResponseRequest, body)
    name = services.relay.name_at_endpoint(asked.model)
    if asked.background:
        raise BadRequest(
            "evald takes no responses in the background: leave 'background' out, and stream a "
            "response that takes long.",
            param="background",
            code="unsupported_value",
        )
    await _check_previous(asked.previous_response_id, project_id, services)
    assert isinstance(body, dict)
    keep = None
    if asked.store is not False:
        to_keep = ToKeep(project_id, body, asked.metadata or {}, request.state.request_id)
        keep = partial(services.response_keeper.keep, to_keep)
    if name != asked.model:
        text = json_text.dump_bytes({**body, "model": name})
    answer = services.relay.passed_on(asked.model, PATH, text, CAPTURE)
    return PassedOn(answer, ResponseCollector(), keep)


async def _check_previous(
    response_id: str | None, project_id: ProjectId, services: Services
) -> None:
    """Refuse to go on from a response that was deleted or is of another project.

    The endpoint would: it may have the response still, and all projects have its key.
    """
    if response_id is not None and await services.database.read(
        lambda connection: response_store.is_closed(connection, project_id, response_id)
    ):
        raise BadRequest(
            f"Previous response with id '{response_id[:80]}' not found.",
            param="previous_response_id",
            code="previous_response_not_found",
        )


@described(ResponseObject)
@router.get("/responses/{response_id}")
async def retrieve(
    response_id: str, services: Given, project_id: OfProject, stream: str | None = None
) -> Response:
    """Give one stored response."""
    if stream == "true":
        raise BadRequest(
            "A stored response is not streamed again: leave 'stream' out.",
            param="stream",
            code="unsupported_value",
        )
    found = await services.database.read(
        lambda connection: response_store.get_response(connection, project_id, response_id)
    )
    return json_answer(found)


@described(DeletedResponse)
@router.delete("/responses/{response_id}")
async def delete(response_id: str, services: Given, project_id: OfProject) -> Response:
    """Delete a stored response; runs made from it keep their rows.

    Those that go on from it stay, and what was said until then is no part of their input any more.
    """
    await services.database.write(
        lambda connection: response_store.delete_response(connection, project_id, response_id)
    )
    return json_answer(orjson.dumps({"id": response_id, "object": "response", "deleted": True}))


@described(ResponseObject)
@router.post("/responses/{response_id}/cancel")
async def cancel(response_id: str, services: Given, project_id: OfProject) -> Response:
    """Refuse: whatever is stored has ended, and nothing runs in the background."""
    await services.database.read(
        lambda connection: response_store.get_response(connection, project_id, response_id)
    )
    raise BadRequest(
        "Only responses with 'background' can be canceled, and evald takes none. To stop a response "
        "that is under way, close its connection.",
        param="response_id",
    )


@described(InputItemPage)
@router.get("/responses/{response_id}/input_items")
async def list_input_items(
    response_id: str,
    services: Given,
    project_id: OfProject,
    after: After = None,
    limit: Limit = None,
    order: Order = None,
) -> Response:
    """List the input items that a stored response answered, the last one first.

    What was said before comes before what was sent, as far as it is stored here. Where a response is
    missing in it, `evald.gap` says which and why.
    """
    page = page_request(after, limit, order, default_order="desc")
    chain = await services.database.read(
        lambda connection: response_store.get_chain(connection, project_id, response_id)
    )
    extras: JsonObject = {"gap": chain.gap.as_json()} if chain.gap else {}
    return json_answer(await page_of_parts(lambda: item_objects(input_of(chain)), page, extras))
