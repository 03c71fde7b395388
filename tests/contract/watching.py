"""Watches every answer that a client gets, and writes down what is wrong with it."""

import json
from collections.abc import Callable
from typing import Any, Protocol

import openai

from tests.contract.schema import REQUEST_ID, Schema, own_schema, schema

API_KEY = "My API Key"  # with spaces, as the SDKs' own tests have it


class Heard(Protocol):
    """What the HTTP libraries of all SDK versions have in common."""

    request: Any
    status_code: int
    headers: Any
    content: bytes


class Watch:
    """Collects complaints about answers; a test fails at its end if there are any."""

    def __init__(self, known: Callable[[], Schema | None] = schema) -> None:
        """Begin with none. `known` gives the schema of the answers."""
        self.complaints: list[str] = []
        self._known = known

    def look(self, answer: Heard) -> None:
        """Look at one answer."""
        method, path = answer.request.method, answer.request.url.path
        if not REQUEST_ID.fullmatch(answer.headers.get("x-request-id", "")):
            self.complaints.append(f"{method} {path}: no x-request-id")
        if answer.headers.get("content-type") == "application/json":
            body = json.loads(answer.content)
            for known in (self._known(), own_schema()):
                if known is not None:
                    self.complaints += known.complaints(method, path, answer.status_code, body)
        elif not path.endswith("/content"):
            self.complaints.append(f"{method} {path}: {answer.headers.get('content-type')}")

    # `verify` is off because loading certificates, which plain HTTP does not need, takes a while.

    def client(self, base_url: str) -> openai.OpenAI:
        """Give an official client whose every answer is looked at."""

        def hook(answer: Any) -> None:
            answer.read()
            self.look(answer)

        http_client = openai.DefaultHttpxClient(event_hooks={"response": [hook]}, verify=False)
        # Without retries no fault of the server is repaired unseen.
        return openai.OpenAI(
            base_url=base_url, api_key=API_KEY, max_retries=0, http_client=http_client
        )

    def async_client(self, base_url: str) -> openai.AsyncOpenAI:
        """Give the asynchronous client, likewise."""

        async def hook(answer: Any) -> None:
            await answer.aread()
            self.look(answer)

        http_client = openai.DefaultAsyncHttpxClient(event_hooks={"response": [hook]}, verify=False)
        return openai.AsyncOpenAI(
            base_url=base_url, api_key=API_KEY, max_retries=0, http_client=http_client
        )
