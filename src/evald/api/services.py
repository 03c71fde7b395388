"""What the routes work with; `assembly` puts it together."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from evald.capture.keep import Keeper
from evald.contract.json_types import JsonObject
from evald.contract.projects import ProjectId
from evald.contract.stored_completions import StoredCompletion
from evald.contract.stored_responses import StoredResponse
from evald.reports.comparing import Comparisons
from evald.runs.tools import Dispatch, SharedAside, Tools
from evald.sampling.relay import Relay
from evald.store.database import Database
from evald.watching.watches import Watches
from evald.webhooks.deliveries import Deliveries


@dataclass(frozen=True)
class Services:
    """The product behind the routes."""

    tools: Tools
    dispatch: Dispatch
    relay: Relay
    keeper: Keeper[StoredCompletion]
    response_keeper: Keeper[StoredResponse]
    list_models: Callable[[], Awaitable[list[JsonObject]]]
    public_url: str
    """Where browsers find this server, without a slash at the end."""
    bodies_aside: SharedAside
    """Where large bodies are read: apart from long comparisons, which would keep them waiting."""
    sources_aside: SharedAside
    """Where programs are looked at: a hostile one keeps the process for seconds."""
    webhooks: Deliveries
    watches: Watches
    comparisons: Comparisons
    schema_strict: bool
    """Whether answers are in their strict form where a request does not say."""

    @property
    def database(self) -> Database:
        """The store."""
        return self.tools.database


async def _services(request: Request) -> Services:
    # Async, though it waits for nothing: a plain function would get a thread each time.
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


Given = Annotated[Services, Depends(_services)]
"""How a route asks for the services."""


async def _project(request: Request) -> ProjectId:
    # Set by the gate, which lets no request to a route without it.
    project_id: ProjectId = request.state.project_id
    return project_id


OfProject = Annotated[ProjectId, Depends(_project)]
"""How a route asks whose objects it may see."""
