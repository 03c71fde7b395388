"""`evald logs import`: send a file of logged completions and responses to a running server."""

from collections.abc import Sequence
from typing import BinaryIO
from urllib.parse import urlencode

import click

from evald.cli.running_server import RunningServer, ServerFailed
from evald.contract.json_types import JsonObject


class ImportFailed(Exception):
    """The import cannot begin. The message says why and what to do."""


def import_file(file: BinaryIO, server: RunningServer, metadata: Sequence[str]) -> bool:
    """Send a file, say what became of it, and give whether every line was taken.

    Raises ImportFailed, ServerFailed.
    """
    path = f"chat/completions/import?{urlencode([_pair(each) for each in metadata])}"
    outcome = server.send(path, file, {"content-type": "application/jsonl"})
    match outcome:
        case {"imported": int(imported), "existing": int(existing), "failed": int(failed)}:
            click.echo(f"{imported} imported, {existing} were there already, {failed} failed.")
        case _:
            raise ServerFailed(f"What answers at {server.url.geturl()} is no evald.")
    named = _say_each(server, outcome)
    if failed > named:
        click.echo("More lines failed than are named here.", err=True)
    return not failed


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise ImportFailed(f"'{text}' is no metadata; write it as KEY=VALUE.")
    return f"metadata[{key}]", value


def _say_each(server: RunningServer, outcome: JsonObject) -> int:
    """Name the lines that failed, and give how many were named."""
    errors = outcome.get("errors")
    named = [
        each for each in (errors if isinstance(errors, list) else []) if isinstance(each, dict)
    ]
    for each in named:
        line, message = server.safe(each.get("line")), server.safe(each.get("message"))
        click.echo(f"line {line}: {message}", err=True)
    return len(named)
