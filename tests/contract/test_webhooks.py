"""Webhooks as each official SDK takes them (contract section 7)."""

from typing import Any, cast

import openai
import pytest

from tests.contract.making import completed, jsonl, new_eval, row
from tests.webhooks.receiver import Received, Receiver


def test_the_sdk_unwraps_what_the_server_sends(client: openai.OpenAI) -> None:
    with Receiver() as receiver:
        endpoint = created(client, receiver.url)
        source = jsonl({**row("Paris"), "sample": {"output_text": "Paris"}})
        run = completed(client, new_eval(client).id, source)
        (webhook,) = receiver.got(1)
        client.delete(f"/webhook_endpoints/{endpoint['id']}", cast_to=object)

    event = unwrap(webhook, endpoint["signing_secret"])

    assert (event.object, event.type) == ("event", "eval.run.succeeded")
    assert event.data.id == run.id
    with pytest.raises(openai.InvalidWebhookSignatureError):
        unwrap(webhook, "whsec_RdvaYFYUXuIFuEbvZHwMfYFhUf7aMYjYcmM24+Aj40c=")


def created(client: openai.OpenAI, url: str) -> dict[str, Any]:
    """Create an endpoint without the methods for it, which older SDKs have not."""
    body = {"name": "ours", "url": url, "event_types": ["eval.run.succeeded"]}
    return cast("dict[str, Any]", client.post("/webhook_endpoints", body=body, cast_to=object))


def unwrap(webhook: Received, secret: str) -> Any:
    with openai.OpenAI(api_key="none", webhook_secret=secret) as client:
        return client.webhooks.unwrap(webhook.body, dict(webhook.headers))
