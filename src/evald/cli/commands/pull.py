"""The commands `evald pull …`."""

import sys
from pathlib import Path
from typing import Any

import click


@click.group()
def pull() -> None:
    """Read what another Evals API holds into an archive."""


@pull.command("openai")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder of the archive; made if it is not there.",
)
@click.option(
    "--base-url", default="https://api.openai.com/v1", show_default=True, help="The API to read."
)
@click.option("--stored-completions", is_flag=True, help="Also stored chat completions.")
@click.option("--azure", is_flag=True, help="Ask as Azure wants it, whatever the base URL.")
@click.option(
    "--concurrency",
    type=click.IntRange(1, 32),
    default=4,
    show_default=True,
    help="Requests at once.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 3600),
    default=60,
    show_default=True,
    help="Seconds to wait for a page.",
)
@click.option(
    "--tries",
    type=click.IntRange(1, 100),
    default=5,
    show_default=True,
    help="Requests for one object, after which it is given up.",
)
@click.option("--api-key", envvar="OPENAI_API_KEY", metavar="KEY", help="Better as OPENAI_API_KEY.")
@click.option(
    "--azure-api-key",
    envvar="AZURE_OPENAI_API_KEY",
    metavar="KEY",
    help="Better as AZURE_OPENAI_API_KEY.",
)
@click.option("--organization", envvar="OPENAI_ORG_ID", help="Or as OPENAI_ORG_ID.")
@click.option("--project", envvar="OPENAI_PROJECT_ID", help="Or as OPENAI_PROJECT_ID.")
def pull_openai(**options: Any) -> None:
    """Read all that OpenAI or Azure holds into an archive.

    OpenAI answers reads until 2026-11-30. The archive holds evals, runs, output
    items and files, each object exactly as it was sent. No server is needed:

    \b
      export OPENAI_API_KEY=sk-...
      evald pull openai --out openai-archive

    A key sees the project it belongs to: pull once for each project, each into a
    folder of its own.

    \b
    Azure (its key comes from AZURE_OPENAI_API_KEY):
      evald pull openai --out azure-archive \\
        --base-url https://NAME.openai.azure.com/openai/v1

    It only reads. Stop it with Ctrl-C, or kill it: the same command goes on from
    there. When it has ended, the same command fetches only what is new, and asks
    again for what it could not get. That is named at the end and in
    DIR/failures.jsonl.

    \b
    Exit status:
      0    the archive is complete
      1    something could not be had, or the API or the disk failed
      130  stopped
    """  # noqa: D301  (click keeps the lines of a paragraph after a backspace)
    from evald.cli.archiving import CannotArchive
    from evald.cli.pull import Options, pull_into

    try:
        sys.exit(pull_into(Options(**options)))
    except CannotArchive as error:
        click.echo(f"Nothing was read. {error}", err=True)
        sys.exit(1)
