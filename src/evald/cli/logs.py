"""`evald logs import`: send a file of logged completions and responses to a running server."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, BinaryIO
from urllib.parse import urlencode, urlsplit

import click


class ImportFailed(Exception):
    """The server took no more of the file. The message says why and what to do."""


@dataclass(frozen=True)
class Server:
    """The server that a file is sent to."""

    url: str
    api_key: str | None
    """Its key; None for a server that asks for none."""
    project: str | None
    """The project that is meant, or None for that of the key."""

    def headers(self) -> dict[str, str]:
        """Give the headers that say who asks, and for which project. Raises ImportFailed."""
        headers = {"content-type": "application/jsonl"}
        if self.api_key:
            headers["authorization"] = f"Bearer {self.api_key.strip()}"
        if self.project:
            headers["evald-project"] = self.project
        if not all(value.isascii() and value.isprintable() for value in headers.values()):
            raise ImportFailed("Keys and names of projects are printable ASCII.")
        return headers


def import_file(file: BinaryIO, server: Server, metadata: Sequence[str]) -> bool:
    """Send a file, say what became of it, and give whether every line was taken.

    Raises ImportFailed.
    """
    outcome = _sent(file, server, [_pair(each) for each in metadata])
    click.echo(
        f"{outcome['imported']} imported, {outcome['existing']} were there already, "
        f"{outcome['failed']} failed."
    )
    for error in outcome["errors"]:
        click.echo(f"line {error['line']}: {error['message']}", err=True)
    if outcome["failed"] > len(outcome["errors"]):
        click.echo("More lines failed than are named here.", err=True)
    return not outcome["failed"]


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise ImportFailed(f"'{text}' is no metadata; write it as KEY=VALUE.")
    return f"metadata[{key}]", value


def _sent(file: BinaryIO, server: Server, pairs: Sequence[tuple[str, str]]) -> Any:
    url = server.url
    address = urlsplit(url)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise ImportFailed(f"'{url}' is no URL of a server; write it as http://127.0.0.1:8484.")
    kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
    path = f"{address.path.rstrip('/')}/chat/completions/import?{urlencode(pairs)}"
    try:
        connection = kind(address.netloc)
        connection.request("POST", path, file, server.headers())
        return _read(connection.getresponse(), url)
    except (OSError, HTTPException) as error:
        raise ImportFailed(f"The server at {url} does not answer: {error}.") from None


def _read(answer: HTTPResponse, url: str) -> Any:
    text = answer.read()
    try:
        body = json.loads(text)
        if answer.status == 200:
            return {key: body[key] for key in ("imported", "existing", "failed", "errors")}
        reason = body["error"]["message"]
    except (ValueError, KeyError, TypeError):
        reason = f"what answers at {url} is no evald"
    raise ImportFailed(f"{answer.status}: {reason}")
