"""The commands `evald logs …`."""

import sys
from typing import BinaryIO

import click

from evald.cli.commands.of_a_server import of_a_server


@click.group()
def logs() -> None:
    """Chat completions and responses that a running server has stored."""


@logs.command("import")
@click.argument("file", type=click.File("rb"))
@click.option(
    "--metadata", multiple=True, metavar="KEY=VALUE", help="Added to each one; can be repeated."
)
@of_a_server
def import_(
    file: BinaryIO,
    url: str,
    metadata: tuple[str, ...],
    project: str | None,
    api_key: str | None,
) -> None:
    """Store completions and responses from a log file.

    They come from FILE, or from standard input for -.

    \b
    FILE holds JSON lines. Each is a request with its response, maybe metadata,
      {"request": {"model": ..., "messages": [...]}, "response": {"choices": ...}}
      {"request": {"model": ..., "input": ...}, "response": {"output": ...}}
    or a chat completion or response by itself, with what it answered under
    "messages" or "input".

    They go to the project of the key, which the environment holds as EVALD_API_KEY:
    other users of the machine see the options of a command.

    What is there already stays as it is, so a file can be imported again.
    The exit status is 1 when a line is left out.
    """  # noqa: D301  (click keeps the lines of a paragraph after a backspace)
    from evald.cli.logs import ImportFailed, import_file
    from evald.cli.running_server import RunningServer, ServerFailed

    try:
        all_taken = import_file(file, RunningServer.at(url, api_key, project), metadata)
    except (ImportFailed, ServerFailed) as error:
        click.echo(f"Nothing more was imported. {error}", err=True)
        sys.exit(1)
    sys.exit(0 if all_taken else 1)
