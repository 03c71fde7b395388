"""`evald logs import`: send a file of logged completions and responses to a running server."""

import json
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, BinaryIO
from urllib.parse import urlencode, urlsplit

import click


class ImportFailed(Exception):
    """The server took no more of the file. The message says why and what to do."""


def import_file(file: BinaryIO, url: str, metadata: Sequence[str]) -> bool:
    """Send a file, say what became of it, and give whether every line was taken.

    Raises ImportFailed.
    """
    outcome = _sent(file, url, [_pair(each) for each in metadata])
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


def _sent(file: BinaryIO, url: str, pairs: Sequence[tuple[str, str]]) -> Any:
    address = urlsplit(url)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise ImportFailed(f"'{url}' is no URL of a server; write it as http://127.0.0.1:8484.")
    kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
    path = f"{address.path.rstrip('/')}/chat/completions/import?{urlencode(pairs)}"
    try:
        connection = kind(address.netloc)
        connection.request("POST", path, file, {"content-type": "application/jsonl"})
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
