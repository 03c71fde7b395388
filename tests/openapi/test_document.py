"""The OpenAPI document: it is valid, it is served, and it leaves nothing out."""

import json
from typing import Any

import pytest
import schemathesis
from fastapi import APIRouter
from fastapi.routing import iter_route_contexts

from evald.api.app import build_app
from tests.openapi.document import document, operations
from tests.server import EvaldServer

READS_NO_BODY = {
    "/v1/evals/{eval_id}/runs/{run_id}",
    "/v1/evals/{eval_id}/runs/{run_id}/cancel",
    "/v1/responses/{response_id}/cancel",
}
"""The paths of a cancel, which reads no body."""
UNLISTED = {"/openapi.json"}


def ids(parameter: Any) -> str:
    return parameter if isinstance(parameter, str) else ""


def test_the_document_is_valid_openapi_3_1() -> None:
    assert document()["openapi"].startswith("3.1")
    schemathesis.openapi.from_dict(document()).validate()


def test_the_server_gives_the_document(server: EvaldServer) -> None:
    answer = server.ask("GET", "/openapi.json")

    assert answer.status == 200
    assert answer.json == json.loads(json.dumps(document()))


def test_every_route_is_in_the_document() -> None:
    app = build_app(None, APIRouter())  # type: ignore[arg-type]
    listed = {path.removeprefix("/v1") for path in document()["paths"]}
    prefixed = ("/v1", "/openai/v1")

    routes = {str(route.path_format) for route in iter_route_contexts(app.routes)} - UNLISTED

    assert {path for path in routes if not path.startswith(prefixed)} == listed
    assert {f"/v1{path}" for path in listed if path != "/healthz"} <= routes


@pytest.mark.parametrize(("method", "path", "operation"), operations(), ids=ids)
def test_every_operation_says_what_it_answers(method: str, path: str, operation: Any) -> None:
    (success, refused, failed) = operation["responses"].values()

    for answer in (success, refused, failed):
        for content in answer["content"].values():
            assert content["schema"].get("$ref") or content["schema"].get("type")
    assert operation["description"]


@pytest.mark.parametrize(("method", "path", "operation"), operations(), ids=ids)
def test_every_operation_that_reads_a_body_says_what_it_takes(
    method: str, path: str, operation: Any
) -> None:
    takes_one = method in ("POST", "PUT", "PATCH") and path not in READS_NO_BODY

    assert ("requestBody" in operation) == takes_one
