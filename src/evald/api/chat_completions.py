"""The routes of chat completions: passed through to the models, and kept (contract section 2.6)."""

from functools import partial
from typing import Any, Final

import orjson
from fastapi import APIRouter, Request, Response

from evald.api.bodies import json_answer, read_body, read_json
from evald.api.document import EVENTS, Body, described
from evald.api.parts import page_of_parts
from evald.api.passing_on import CAPTURE, PassedOn
from evald.api.queries import After, Limit, Model, Order
from evald.api.services import Given, OfProject
from evald.capture.collect import ChatCollector
from evald.capture.importing import import_logs
from evald.capture.keep import ToKeep
from evald.contract.json_types import JsonObject
from evald.contract.pages import page_json
from evald.contract.stored_completions import (
    OUR_KEYS,
    CaptureRequest,
    CompletionFilter,
    CompletionObject,
    CompletionPage,
    DeletedCompletion,
    ImportObject,
    MessagePage,
    UpdateCompletion,
    message_objects,
)
from evald.contract.validation import read_request
from evald.errors import BadRequest
from evald.rules import json_text
from evald.rules.paging import page_request
from evald.store import stored_completions as completion_store

router = APIRouter(tags=["chat completions"])

PATH: Final = "/chat/completions"


PAIRS: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": "metadata",
            "in": "query",
            "required": False,
            "description": "Pairs of metadata, each as `metadata[key]=value`.",
            "style": "deepObject",
            "explode": True,
            "schema": {"type": "object", "additionalProperties": {"type": "string"}},
        }
    ]
}
LINES: Final = Body("application/jsonl", {"type": "string"})


# What an endpoint answers has the form that the endpoint gives it, errors too.
@described(JsonObject, takes=CaptureRequest, also_answers=[EVENTS], errors=JsonObject)
@router.post("/chat/completions")
async def create(request: Request, services: Given, project_id: OfProject) -> Response:
    """Pass a request on to the provider of its model, and the answer back as it comes.

    With `store: true` the completion is kept when it is whole, with its `metadata`.
    """
    text, body = await read_json(request)
    asked = read_request(CaptureRequest, body)
    name = services.relay.name_at_endpoint(asked.model)
    assert isinstance(body, dict)
    keep = None
    if asked.store:
        to_keep = ToKeep(project_id, body, asked.metadata or {}, request.state.request_id)
        keep = partial(services.keeper.keep, to_keep)
    answer = services.relay.passed_on(asked.model, PATH, _for_endpoint(text, body, name), CAPTURE)
    return PassedOn(answer, ChatCollector(), keep)


def _for_endpoint(text: bytes, body: JsonObject, model: str) -> bytes:
    """Give the body as it was sent, without the keys that are for us, and with the model's own name."""
    if body.keys().isdisjoint(OUR_KEYS) and model == body["model"]:
        return text
    sent = {key: value for key, value in body.items() if key not in OUR_KEYS}
    return json_text.dump_bytes({**sent, "model": model})


@described(CompletionPage)
@router.get("/chat/completions", openapi_extra=PAIRS)
async def list_(
    request: Request,
    services: Given,
    project_id: OfProject,
    after: After = None,
    limit: Limit = None,
    order: Order = None,
    model: Model = None,
) -> Response:
    """List stored completions, the oldest first unless asked otherwise.

    `metadata[key]=value` leaves those with this pair, several of them those with all.
    """
    page = page_request(after, limit, order)
    wanted = CompletionFilter(project_id, _pairs(request), model or None)
    found = await services.database.read(
        lambda connection: completion_store.list_completions(connection, page, wanted)
    )
    return json_answer(page_json(found.objects, has_more=found.has_more))


def _pairs(request: Request) -> frozenset[tuple[str, str]]:
    return frozenset(
        (name.removeprefix("metadata[").removesuffix("]"), value)
        for name, value in request.query_params.multi_items()
        if name.startswith("metadata[") and name.endswith("]")
    )


@described(CompletionObject)
@router.get("/chat/completions/{completion_id}")
async def retrieve(completion_id: str, services: Given, project_id: OfProject) -> Response:
    """Give one stored completion."""
    found = await services.database.read(
        lambda connection: completion_store.get_completion(connection, project_id, completion_id)
    )
    return json_answer(found)


# Before the next route, which would take "import" for an id.
@described(ImportObject, takes=LINES)
@router.post("/chat/completions/import", openapi_extra=PAIRS)
async def import_(request: Request, services: Given, project_id: OfProject) -> Response:
    """Store completions and responses that were logged elsewhere, sent as JSON lines.

    `metadata[key]=value` is added to each of them. A wrong line is named and left out.
    """
    asked = read_request(UpdateCompletion, {"metadata": {**dict(_pairs(request))}})
    added = asked.metadata or {}
    now = int(services.tools.clock())
    outcome = await import_logs(request.stream(), project_id, added, now, services.database)
    if outcome.lines == 0:
        raise BadRequest("The request has no lines; send JSON lines.", code="missing_body")
    return json_answer(orjson.dumps(outcome.as_json()))


@described(CompletionObject, takes=UpdateCompletion)
@router.post("/chat/completions/{completion_id}")
async def update(
    completion_id: str, request: Request, services: Given, project_id: OfProject
) -> Response:
    """Replace the metadata of a stored completion; nothing else can change."""
    asked = await read_body(request, UpdateCompletion)
    metadata = asked.metadata or {}
    changed = await services.database.write(
        lambda connection: completion_store.update_metadata(
            connection, project_id, completion_id, metadata
        )
    )
    return json_answer(changed)


@described(DeletedCompletion)
@router.delete("/chat/completions/{completion_id}")
async def delete(completion_id: str, services: Given, project_id: OfProject) -> Response:
    """Delete a stored completion; runs made from it keep their rows."""
    await services.database.write(
        lambda connection: completion_store.delete_completion(connection, project_id, completion_id)
    )
    gone: DeletedCompletion = {
        "object": "chat.completion.deleted",
        "id": completion_id,
        "deleted": True,
    }
    return json_answer(orjson.dumps(gone))


@described(MessagePage)
@router.get("/chat/completions/{completion_id}/messages")
async def list_messages(
    completion_id: str,
    services: Given,
    project_id: OfProject,
    after: After = None,
    limit: Limit = None,
    order: Order = None,
) -> Response:
    """List the messages that a stored completion answered, the first one first."""
    page = page_request(after, limit, order)
    sent = await services.database.read(
        lambda connection: completion_store.get_messages(connection, project_id, completion_id)
    )
    return json_answer(
        await page_of_parts(lambda: message_objects(completion_id, orjson.loads(sent)), page)
    )
