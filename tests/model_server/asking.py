"""Calls as the tests of the model server make them, with nothing between them and the socket."""

import json
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

from tests.model_server.client import ModelServer

QUESTION = "What is 2 + 2?"


def begin(models: ModelServer, **parameters: Any) -> HTTPConnection:
    """Send a call; the caller reads its answer or closes the connection."""
    content = parameters.pop("content", QUESTION)
    body = {"model": "any", "messages": [{"role": "user", "content": content}], **parameters}
    return sent(models, "/v1/chat/completions", body)


def sent(models: ModelServer, path: str, body: Any) -> HTTPConnection:
    """Send a body as JSON; the caller reads the answer or closes the connection."""
    connection = HTTPConnection(urlsplit(models.url).netloc, timeout=10)
    connection.request("POST", path, json.dumps(body))
    return connection


def embeddings(models: ModelServer, **parameters: Any) -> tuple[int, Any]:
    """Ask for embeddings and give the status and the parsed answer."""
    connection = sent(models, "/v1/embeddings", {"model": "any", **parameters})
    try:
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def answer(models: ModelServer, **parameters: Any) -> tuple[HTTPResponse, bytes]:
    """Make a call and read its whole answer."""
    connection = begin(models, **parameters)
    try:
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def completion(models: ModelServer, **parameters: Any) -> Any:
    """Make an unstreamed call and parse its answer."""
    return json.loads(answer(models, **parameters)[1])


def chunks(body: bytes) -> list[Any]:
    """Parse the events of a stream but for the closing [DONE]."""
    events = body.decode().removesuffix("\n\n").split("\n\n")
    assert events.pop() == "data: [DONE]"
    return [json.loads(event.removeprefix("data: ")) for event in events]


def joined(body: bytes, key: str = "content") -> str:
    """Join what the chunks of a stream add to one key of the message."""
    choices = [choice for chunk in chunks(body) for choice in chunk["choices"]]
    return "".join(choice["delta"].get(key) or "" for choice in choices)
