"""A NUL character in an address: refused before anything looks for it, in every route and page."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import APIRouter

from evald.api.app import build_app
from evald.api.envelope import Envelope
from evald.api.services import Services
from evald.dashboard.errors_page import refused_page
from tests.api.refusals import Prepared, check_refusal

PAGES = ["/", "/evaluations/{eval_id}", "/static/{name}"]


def addresses() -> list[str]:
    """Give the paths of all routes, from the OpenAPI document, and of the pages."""
    nothing: Any = None
    services: Services = nothing
    paths: dict[str, object] = build_app(services, APIRouter()).openapi()["paths"]
    return [*paths, *PAGES]


WITH_IDS = [(path, name) for path in addresses() for name in re.findall(r"{(\w+)}", path)]
QUERIES = ["after", "before", "limit", "order", "order_by", "status", "purpose", "item", "run_id"]
NULS = ["%00", "a%00b", "{known}%00"]


def known(prepared: Prepared) -> dict[str, str]:
    return {
        "eval_id": prepared.eval_id,
        "run_id": prepared.run_id,
        "output_item_id": prepared.item_id,
        "file_id": prepared.file_id,
        "completion_id": prepared.completion_id,
        "response_id": prepared.response_id,
        "webhook_endpoint_id": "whe_1",  # what is refused is not looked for
        "model": "scripted",
        "name": "style.css",
    }


@pytest.mark.parametrize(("path", "name"), WITH_IDS)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_id_with_a_nul_is_a_404(prepared: Prepared, method: str, path: str, name: str) -> None:
    ids = known(prepared)
    for nul in NULS:
        odd = {**ids, name: nul.format(known=ids[name])}

        check_refusal(prepared.server.ask(method, path.format(**odd)), 404, says="NUL")


@pytest.mark.parametrize("path", addresses())
@pytest.mark.parametrize("name", QUERIES)
def test_a_query_parameter_with_a_nul_is_a_400_that_names_it(
    prepared: Prepared, path: str, name: str
) -> None:
    for nul in NULS:
        asked = f"{path.format(**known(prepared))}?limit=5&{name}={nul.format(known='asc')}"

        answer = prepared.server.ask("GET", asked)

        check_refusal(answer, param=name, code="invalid_value", says="NUL")


@pytest.mark.parametrize("name", ["a%00", "%00", "%ff%00"])
def test_a_name_of_a_parameter_with_a_nul_is_refused(prepared: Prepared, name: str) -> None:
    answer = prepared.server.ask("GET", f"/v1/evals?{name}=1")

    assert answer.status == 400
    assert b"\\u0000" not in answer.body


@pytest.mark.parametrize(
    ("path", "query"), [("/v1/evals/\x00", b""), ("/v1/evals", b"after=%00"), ("/", b"x=\x00")]
)
async def test_what_is_behind_the_envelope_is_not_asked(path: str, query: bytes) -> None:
    asked: list[object] = []
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope)

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    own: Callable[[str], bool] = lambda _: True  # noqa: E731
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query, "headers": []}

    await Envelope(app, own, "evald", refused_page)(scope, receive, send)

    assert asked == []
    assert sent[0]["status"] in (400, 404)
