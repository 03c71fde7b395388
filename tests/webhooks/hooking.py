"""Webhook endpoints of a real server, made and read over plain HTTP, and runs that end."""

from collections.abc import Sequence
from typing import Any

import openai

from tests.runs.making import EXACT, asked, create_eval, create_run, get_final, given
from tests.server import EvaldServer
from tests.waiting import until
from tests.webhooks.receiver import Received

ALL = ["eval.run.succeeded", "eval.run.failed", "eval.run.canceled"]
ENDPOINTS = "/v1/webhook_endpoints"


def create_endpoint(server: EvaldServer, url: str, types: Sequence[str] = ALL) -> Any:
    """Create an endpoint and give it with its secret."""
    body = {"name": "ours", "url": url, "event_types": types}
    return asked(server, "POST", ENDPOINTS, body)


def path_of(endpoint: Any, ending: str = "") -> str:
    """Give the path of an endpoint, or one below it."""
    return f"{ENDPOINTS}/{endpoint['id']}{ending}"


def deliveries(server: EvaldServer, endpoint: Any) -> list[Any]:
    """Give what was sent to an endpoint and is to be, the newest first."""
    found: list[Any] = asked(server, "GET", path_of(endpoint, "/deliveries?limit=1000"))["data"]
    return found


def ended_delivery(server: EvaldServer, endpoint: Any) -> Any:
    """Give the newest delivery to an endpoint as soon as it has ended."""

    def ended() -> Any:
        found = deliveries(server, endpoint)
        return found[0] if found and found[0]["status"] != "pending" else None

    return until(ended)


def end_a_run(server: EvaldServer, eval_id: str | None = None) -> Any:
    """Have a run completed that asks no model, and give it."""
    row = {"item": {"answer": "a"}, "sample": {"output_text": "a"}}
    run = create_run(server, eval_id or create_eval(server, EXACT), given([row]))
    return get_final(server, run)


def unwrapped(received: Received, secret: str) -> Any:
    """Give the event as the official SDK does, once it has checked the signature."""
    client = openai.OpenAI(api_key="none", base_url="http://127.0.0.1:9", webhook_secret=secret)
    with client:
        return client.webhooks.unwrap(received.body, dict(received.headers))
