"""Webhooks: their endpoints, events and deliveries (contract sections 2.7 and 7)."""

from dataclasses import dataclass
from typing import Annotated, Literal

import orjson
from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.metadata import without_nul
from evald.contract.pages import Page
from evald.contract.projects import ProjectId
from evald.contract.runs import Status
from evald.contract.validation import RequestModel
from evald.settings import WEBHOOK_EVENTS, WebhookEvent, WebhookUrl

EndpointName = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(without_nul)]
EventTypes = Annotated[list[WebhookEvent], Field(min_length=1, max_length=len(WEBHOOK_EVENTS))]

EVENT_OF: dict[Status, WebhookEvent] = {
    "completed": "eval.run.succeeded",
    "failed": "eval.run.failed",
    "canceled": "eval.run.canceled",
}
"""The event of each final status."""


class CreateEndpoint(RequestModel):
    """The body of `POST /webhook_endpoints`."""

    name: EndpointName
    url: WebhookUrl
    event_types: EventTypes


class UpdateEndpoint(RequestModel):
    """The body of `POST /webhook_endpoints/{webhook_endpoint_id}`: an absent key changes nothing."""

    name: EndpointName | None = None
    url: WebhookUrl | None = None
    event_types: EventTypes | None = None


class RotateSecret(RequestModel):
    """The body of `POST /webhook_endpoints/{webhook_endpoint_id}/rotate_secret`."""

    keep_old_secret_active_for_24_hours: bool | None = None


class TestEndpoint(RequestModel):
    """The body of `POST /webhook_endpoints/{webhook_endpoint_id}/test`."""

    event_type: WebhookEvent


class EventTypeList(TypedDict):
    """The types of events that there are."""

    object: Literal["list"]
    data: list[WebhookEvent]


class EndpointExtras(TypedDict):
    """What evald adds to an endpoint."""

    config_name: str | None
    disabled_at: int | None


class EndpointObject(TypedDict):
    """A webhook endpoint as it is answered."""

    object: Literal["webhook_endpoint"]
    id: str
    name: str
    url: str
    event_types: list[WebhookEvent]
    signing_secret_hint: str
    created_at: int
    updated_at: int
    evald: EndpointExtras


class EndpointWithSecret(EndpointObject):
    """A webhook endpoint whose secret is new."""

    signing_secret: str


class EndpointPage(Page):
    """A page of webhook endpoints."""

    data: list[EndpointObject]


class DeletedEndpoint(TypedDict):
    """The answer to a delete."""

    object: Literal["webhook_endpoint.deleted"]
    id: str
    deleted: bool


class TestedEndpoint(TypedDict):
    """What an endpoint answered to a sample."""

    object: Literal["webhook_endpoint.test"]
    webhook_endpoint_id: str
    event_type: WebhookEvent
    status_code: int
    success: bool


class RunOfEvent(TypedDict):
    """What an event is about."""

    id: str


class DeliveryObject(TypedDict):
    """A delivery as it is answered."""

    object: Literal["webhook_endpoint.delivery"]
    id: str
    webhook_endpoint_id: str
    event_id: str
    event_type: WebhookEvent
    data: RunOfEvent
    created_at: int
    status: Literal["pending", "delivered", "failed"]
    attempts: int
    next_attempt_at: float | None
    last_attempt_at: float | None
    status_code: int | None
    error: str | None


class DeliveryPage(Page):
    """A page of deliveries."""

    data: list[DeliveryObject]


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """Who is told how runs end. Its secret is no part of it. Times are whole Unix seconds."""

    id: str
    project_id: ProjectId
    name: str
    url: str
    event_types: tuple[str, ...]
    secret_hint: str
    """Its secret, but for the last characters masked."""
    created_at: int
    updated_at: int
    config_name: str | None = None
    """The name of its table in the config file, or None when it was made through the API."""
    disabled_at: int | None = None
    """When it answered that it is gone, or None: it gets no events from then on."""

    def as_json(self) -> JsonObject:
        """Give the wire form."""
        return {
            "object": "webhook_endpoint",
            "id": self.id,
            "name": self.name,
            "url": self.url,
            "event_types": list(self.event_types),
            "signing_secret_hint": self.secret_hint,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "evald": {"config_name": self.config_name, "disabled_at": self.disabled_at},
        }


@dataclass(frozen=True, slots=True)
class Event:
    """That a run has ended."""

    id: str
    type: WebhookEvent
    created_at: int
    """Whole Unix seconds."""
    run_id: str

    def as_text(self) -> str:
        """Give the payload, as it is signed and sent."""
        payload: dict[str, JsonValue] = {
            "id": self.id,
            "object": "event",
            "created_at": self.created_at,
            "type": self.type,
            "data": {"id": self.run_id},
        }
        return orjson.dumps(payload).decode()


DeliveryStatus = Literal["pending", "delivered", "failed"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one endpoint. Times are Unix seconds with fractions."""

    id: str
    """What is sent as `webhook-id`."""
    endpoint_id: str
    event_id: str
    event_type: str
    run_id: str
    created_at: float
    status: DeliveryStatus
    attempts: int
    next_attempt_at: float | None
    """None when it is over."""
    last_attempt_at: float | None
    status_code: int | None
    """What the endpoint answered last, or None when it did not answer."""
    error: str | None
    """What was wrong with the last attempt, or None."""

    def as_json(self) -> JsonObject:
        """Give the wire form."""
        return {
            "object": "webhook_endpoint.delivery",
            "id": self.id,
            "webhook_endpoint_id": self.endpoint_id,
            "event_id": self.event_id,
            "event_type": self.event_type,
            "data": {"id": self.run_id},
            "created_at": int(self.created_at),
            "status": self.status,
            "attempts": self.attempts,
            "next_attempt_at": self.next_attempt_at,
            "last_attempt_at": self.last_attempt_at,
            "status_code": self.status_code,
            "error": self.error,
        }
