"""Requests over plain HTTP that pass through, whose answers are read as far as a test wants."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from typing import Any

from tests.server import ANSWERED_WITHIN_S, Answer, EvaldServer

PATH = "/v1/chat/completions"


def request(text: str = "Say hi.", **also: Any) -> dict[str, Any]:
    """Give the body of a chat request."""
    return {"model": "scripted", "messages": [{"role": "user", "content": text}], **also}


def ask(server: EvaldServer, text: str = "Say hi.", **also: Any) -> Answer:
    """Ask, and give the answer read to its end."""
    return server.ask("POST", PATH, request(text, **also), {"authorization": "Bearer of-a-client"})


@contextmanager
def sent(server: EvaldServer, body: dict[str, Any], path: str = PATH) -> Iterator[HTTPConnection]:
    """Send a request and look for no answer yet; behind the block the client has left."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=ANSWERED_WITHIN_S)
    try:
        connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
        yield connection
    finally:
        connection.close()


@contextmanager
def opened(server: EvaldServer, body: dict[str, Any], path: str = PATH) -> Iterator[HTTPResponse]:
    """Give an answer of which the head has been read; behind the block the client has left."""
    with sent(server, body, path) as connection, connection.getresponse() as answer:
        yield answer


def stored(server: EvaldServer, **metadata: str) -> list[Any]:
    """Give the completions that are stored with these pairs."""
    query = "&".join(f"metadata[{key}]={value}" for key, value in metadata.items())
    found: list[Any] = server.ask("GET", f"{PATH}?{query}").json["data"]
    return found
