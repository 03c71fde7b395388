"""What the routes of all pages share: what pages are made from, for whom, and how one is answered."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, cast

import orjson
from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from evald.access.access import Access
from evald.access.cookie import SessionCookie
from evald.access.share_links import ShareLinks
from evald.contract.evals import Eval
from evald.contract.json_types import JsonObject
from evald.contract.projects import ProjectId
from evald.contract.runs import Run
from evald.dashboard.errors_page import render_not_found
from evald.dashboard.frame import Frame, Place, known_act, known_theme
from evald.dashboard.headers import security_headers
from evald.dashboard.server_facts import ServerFacts
from evald.errors import BadRequest, NotFound
from evald.reports.comparing import Comparisons
from evald.rules.cost import Prices
from evald.runs.tools import Dispatch, SharedAside, Tools
from evald.watching.watches import Watches


@dataclass(frozen=True)
class FormTools:
    """What forms need beyond what runs need."""

    list_models: Callable[[], Awaitable[list[JsonObject]]]
    """Asks the providers for the models that they serve."""
    bodies_aside: SharedAside
    """Where large requests are read."""
    sources_aside: SharedAside
    """Where programs of python graders are looked at."""


@dataclass(frozen=True)
class Pages:
    """What the pages are made from."""

    tools: Tools
    dispatch: Dispatch
    comparisons: Comparisons
    public_url: str
    access: Access
    cookie: SessionCookie
    watches: Watches
    prices: Prices
    forms: FormTools
    shares: ShareLinks
    is_local: bool
    """Whether the address that browsers have of this server leads to it on this machine alone."""
    facts: ServerFacts


def project_of(request: Request) -> ProjectId:
    """Give whose objects a reader may see. The gate set it, and lets no request to a page without."""
    project_id: ProjectId = request.state.project_id
    return project_id


def frame_of(request: Request, root: str, place: Place = "evals") -> Frame:
    """Give the frame of the page that this request asks for."""
    theme = known_theme(request.cookies.get("theme", ""))
    signed_in_to: str = getattr(request.state, "signed_in_to", "")
    did = known_act(request.query_params.get("did", ""))
    return Frame(root, theme, signed_in_to, place, did=did)


async def page(
    html: Callable[[], Awaitable[str]],
    *,
    frame: Frame,
    what: Literal["eval", "run", "item", "file", "page"] = "page",
    asked_id: str = "",
) -> Response:
    """Answer with the page, or with one that says that there is no such thing."""
    try:
        return HTMLResponse(await html(), headers=security_headers())
    except (NotFound, BadRequest):
        return not_found(frame, what, asked_id)


def not_found(
    frame: Frame, what: Literal["eval", "run", "item", "file", "page"], asked_id: str
) -> HTMLResponse:
    """Answer with the page that says that there is no such thing."""
    text = render_not_found(what, asked_id=asked_id, frame=frame)
    return HTMLResponse(text, 404, headers=security_headers())


def eval_as_shown(of_eval: Eval) -> JsonObject:
    """Give an eval as the API shows it."""
    return cast("JsonObject", of_eval.as_json())


def run_as_shown(run: Run, pages: Pages) -> JsonObject:
    """Give a run as the API shows it."""
    value: JsonObject = orjson.loads(run.as_json(pages.public_url))
    return value
