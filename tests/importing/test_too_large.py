"""A body of an import that is larger than a request may be."""

import json
from typing import Any

import pytest

from evald.api.envelope import Envelope
from evald.dashboard.errors_page import refused_page


@pytest.mark.parametrize("path", ["/v1/evals/import", "/openai/v1/chat/completions/import/"])
async def test_what_is_too_large_for_one_request_is_to_be_sent_in_several(path: str) -> None:
    sent: list[Any] = []

    async def app(*_: Any) -> None:
        raise AssertionError("It was taken in.")

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    length = (b"content-length", str(600 * 2**20).encode())
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b""}

    await Envelope(app, lambda _: True, "evald", refused_page)(
        {**scope, "headers": [length]}, receive, send
    )

    assert (sent[0]["status"], json.loads(sent[1]["body"])["error"]["message"]) == (
        413,
        "The request is larger than the limit of 512 MB. Send the lines in several requests.",
    )
