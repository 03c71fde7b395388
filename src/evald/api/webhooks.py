"""The routes of webhook endpoints (contract section 2.7), and our list of what was sent to them."""

import secrets
from dataclasses import replace

import orjson
from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection
from yarl import URL

from evald.api.bodies import json_answer, read_body
from evald.api.document import described
from evald.api.queries import After, Limit, Order
from evald.api.services import Given, OfProject, Services
from evald.contract.json_types import JsonObject
from evald.contract.pages import page_json
from evald.contract.projects import ProjectId
from evald.contract.webhooks import (
    CreateEndpoint,
    DeletedEndpoint,
    Delivery,
    DeliveryPage,
    EndpointObject,
    EndpointPage,
    EndpointWithSecret,
    Event,
    EventTypeList,
    RotateSecret,
    TestedEndpoint,
    TestEndpoint,
    UpdateEndpoint,
    WebhookEndpoint,
)
from evald.errors import BadRequest
from evald.ids import new_id
from evald.rules.paging import page_request
from evald.rules.webhooks import NEW_KEY, hint_of, is_never_reached, new_secret
from evald.settings import WEBHOOK_EVENTS
from evald.store import webhook_deliveries as delivery_store
from evald.store import webhook_endpoints as endpoint_store
from evald.store.pages import Page
from evald.store.webhook_endpoints import OLD_SECRET_LIFE

router = APIRouter(tags=["webhooks"])

SAMPLE_RUN = f"evalrun_{0:032x}"
"""The run of sample events; there is none of this id."""


@described(EventTypeList)
@router.get("/webhook_event_types")
async def event_types() -> Response:
    """List the types of events that there are."""
    return json_answer(orjson.dumps({"object": "list", "data": WEBHOOK_EVENTS}))


@described(EndpointWithSecret, takes=CreateEndpoint)
@router.post("/webhook_endpoints")
async def create(request: Request, services: Given, project_id: OfProject) -> Response:
    """Create an endpoint. The answer is the only one that ever shows its secret."""
    asked = await read_body(request, CreateEndpoint)
    _check_address(asked.url)
    secret, now = _new_secret(), int(services.tools.clock())
    new = WebhookEndpoint(
        id=new_id("whe"),
        project_id=project_id,
        name=asked.name,
        url=asked.url,
        event_types=tuple(dict.fromkeys(asked.event_types)),
        secret_hint=hint_of(secret),
        created_at=now,
        updated_at=now,
    )
    await services.database.write(
        lambda connection: endpoint_store.insert_endpoint(connection, new, secret)
    )
    return _answer(_with_secret(new, secret))


def _check_address(url: str) -> None:
    """Refuse an address to which nothing would ever be sent. Names are looked up when dialed."""
    if is_never_reached(URL(url).host or ""):
        raise BadRequest(
            "Invalid value for 'url': webhooks never go to link-local or multicast addresses; name "
            "the host that is to get them.",
            param="url",
            code="invalid_value",
        )


def _new_secret() -> str:
    return new_secret(secrets.token_bytes(NEW_KEY))


def _with_secret(endpoint: WebhookEndpoint, secret: str) -> JsonObject:
    return {**endpoint.as_json(), "signing_secret": secret}


def _answer(body: JsonObject) -> Response:
    return json_answer(orjson.dumps(body))


@described(EndpointPage)
@router.get("/webhook_endpoints")
async def list_(
    services: Given,
    project_id: OfProject,
    after: After = None,
    limit: Limit = None,
    order: Order = None,
) -> Response:
    """List the endpoints, the newest first unless asked otherwise."""
    page = page_request(after, limit, order, default_order="desc")
    found = await services.database.read(
        lambda connection: endpoint_store.list_endpoints(connection, project_id, page)
    )
    objects = [(each.id, orjson.dumps(each.as_json())) for each in found.objects]
    return json_answer(page_json(objects, has_more=found.has_more))


@described(EndpointObject)
@router.get("/webhook_endpoints/{webhook_endpoint_id}")
async def retrieve(webhook_endpoint_id: str, services: Given, project_id: OfProject) -> Response:
    """Give one endpoint, without its secret."""
    return _answer((await _endpoint(webhook_endpoint_id, services, project_id)).as_json())


async def _endpoint(endpoint_id: str, services: Services, project_id: ProjectId) -> WebhookEndpoint:
    return await services.database.read(
        lambda connection: endpoint_store.get_endpoint(connection, project_id, endpoint_id)
    )


@described(EndpointObject, takes=UpdateEndpoint)
@router.post("/webhook_endpoints/{webhook_endpoint_id}")
async def update(
    webhook_endpoint_id: str, request: Request, services: Given, project_id: OfProject
) -> Response:
    """Change an endpoint. One that was disabled gets events again."""
    asked = await read_body(request, UpdateEndpoint)
    if asked.url is not None:
        _check_address(asked.url)
    now = int(services.tools.clock())

    async def change(connection: AsyncConnection) -> WebhookEndpoint:
        found = await _changeable(connection, project_id, webhook_endpoint_id)
        changed = replace(
            found,
            name=asked.name or found.name,
            url=asked.url or found.url,
            event_types=tuple(dict.fromkeys(asked.event_types or found.event_types)),
            disabled_at=None,
        )
        if changed != found:
            changed = replace(changed, updated_at=now)
            await endpoint_store.update_endpoint(connection, changed)
        return changed

    return _answer((await services.database.write(change)).as_json())


async def _changeable(
    connection: AsyncConnection, project_id: ProjectId, endpoint_id: str
) -> WebhookEndpoint:
    """Give an endpoint that the API may change. Raises NotFound, or BadRequest."""
    found = await endpoint_store.hold_endpoint(connection, project_id, endpoint_id)
    if found.config_name is not None:
        raise BadRequest(
            f"This endpoint stands in the config file, as [webhooks.{found.config_name}]. Change it "
            "there, and start the server again.",
            param="webhook_endpoint_id",
            code="webhook_endpoint_configured",
        )
    return found


@described(EndpointWithSecret, takes=RotateSecret)
@router.post("/webhook_endpoints/{webhook_endpoint_id}/rotate_secret")
async def rotate_secret(
    webhook_endpoint_id: str, request: Request, services: Given, project_id: OfProject
) -> Response:
    """Give an endpoint a new secret, and show it this once. A body may be left out."""
    asked = await read_body(request, RotateSecret) if await request.body() else RotateSecret()
    secret, now = _new_secret(), int(services.tools.clock())
    old_until = now + OLD_SECRET_LIFE if asked.keep_old_secret_active_for_24_hours else None

    async def rotated(connection: AsyncConnection) -> WebhookEndpoint:
        found = await _changeable(connection, project_id, webhook_endpoint_id)
        changed = replace(found, secret_hint=hint_of(secret), updated_at=now)
        await endpoint_store.rotate_secret(connection, changed, secret, old_until=old_until)
        return changed

    return _answer(_with_secret(await services.database.write(rotated), secret))


@described(DeletedEndpoint)
@router.delete("/webhook_endpoints/{webhook_endpoint_id}")
async def delete(webhook_endpoint_id: str, services: Given, project_id: OfProject) -> Response:
    """Delete an endpoint; what was not delivered to it yet is dropped."""

    async def removed(connection: AsyncConnection) -> None:
        await _changeable(connection, project_id, webhook_endpoint_id)
        await endpoint_store.delete_endpoint(connection, webhook_endpoint_id)

    await services.database.write(removed)
    return _answer(
        {"object": "webhook_endpoint.deleted", "id": webhook_endpoint_id, "deleted": True}
    )


@described(TestedEndpoint, takes=TestEndpoint)
@router.post("/webhook_endpoints/{webhook_endpoint_id}/test")
async def test(
    webhook_endpoint_id: str, request: Request, services: Given, project_id: OfProject
) -> Response:
    """Send a sample event once, now, and say what the endpoint answered."""
    endpoint = await _endpoint(webhook_endpoint_id, services, project_id)
    asked = await read_body(request, TestEndpoint)
    event = Event(new_id("evt"), asked.event_type, int(services.tools.clock()), SAMPLE_RUN)
    outcome = await services.webhooks.test(endpoint.id, event)
    if outcome is None or outcome.status_code is None:
        # No server error: SDKs would send that again by themselves.
        error = outcome.error if outcome else "The endpoint was deleted."
        raise BadRequest(
            f"The sample was not answered. {error}",
            param="webhook_endpoint_id",
            code="webhook_not_answered",
        )
    return _answer(
        {
            "object": "webhook_endpoint.test",
            "webhook_endpoint_id": endpoint.id,
            "event_type": asked.event_type,
            "status_code": outcome.status_code,
            "success": True,
        }
    )


@described(DeliveryPage)
@router.get("/webhook_endpoints/{webhook_endpoint_id}/deliveries")
async def deliveries(
    webhook_endpoint_id: str,
    services: Given,
    project_id: OfProject,
    after: After = None,
    limit: Limit = None,
    order: Order = None,
) -> Response:
    """List what was sent to an endpoint and what is to be, the newest first."""
    page = page_request(after, limit, order, default_order="desc")

    async def listed(connection: AsyncConnection) -> Page[Delivery]:
        await endpoint_store.get_endpoint(connection, project_id, webhook_endpoint_id)
        return await delivery_store.list_deliveries(connection, webhook_endpoint_id, page)

    found = await services.database.read(listed)
    objects = [(each.id, orjson.dumps(each.as_json())) for each in found.objects]
    return json_answer(page_json(objects, has_more=found.has_more))
