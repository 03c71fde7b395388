"""The command `evald`."""

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import click

from evald import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="evald")
def cli() -> None:
    """evald: a self-hosted server for the OpenAI Evals API.

    \b
    Start it in front of any OpenAI-compatible model endpoint:
      EVALD_UPSTREAM_BASE_URL=http://127.0.0.1:8080/v1 evald serve
    Then point the official SDK at it:
      OpenAI(base_url="http://127.0.0.1:8484/v1", api_key="not needed")
    """  # noqa: D301  (click keeps the lines of a paragraph after a backspace)


@cli.command()
@click.option("--host", help="Address to listen on; beyond loopback only with a key. [127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one. [8484]")
@click.option("--data-dir", type=Path, help="Folder for the database. [./evald-data]")
@click.option("--config", type=Path, help="TOML file with settings and providers.")
def serve(host: str | None, port: int | None, data_dir: Path | None, config: Path | None) -> None:
    """Serve the API and its pages until Ctrl-C or SIGTERM.

    \b
    Every option can be set in the environment, too: EVALD_HOST, EVALD_PORT,
    EVALD_DATA_DIR, EVALD_CONFIG. Further variables:
      EVALD_UPSTREAM_BASE_URL  endpoint that serves every model no provider names
      EVALD_UPSTREAM_API_KEY   its key, if it wants one
      EVALD_PUBLIC_URL         URL under which browsers reach this server
      EVALD_DATABASE_URL       another SQLite file, as sqlite+aiosqlite:///PATH
      EVALD_SCHEMA_STRICT      true: answers as the published schema has them
      EVALD_LOG_LEVEL          debug, info, warning or error [info]
      EVALD_LOG_FORMAT         console or json [console]
    docs/configuration.md has all of them, with limits, webhooks and embeddings.

    \b
    A config file can name several providers with model patterns:
      [providers.local]
      base_url = "http://127.0.0.1:8080/v1"
      models = ["qwen*", "smollm*"]
      [providers.openai]
      base_url = "https://api.openai.com/v1"
      api_key_env = "OPENAI_API_KEY"
      models = ["gpt-*", "o*"]

    Until a key is made, everyone on this machine may use the server, and no other
    machine reaches it. See 'evald keys --help'.

    A server that was stopped or killed goes on with its unfinished runs.
    """  # noqa: D301  (click keeps the lines of a paragraph after a backspace)
    gc.disable()  # until it serves: nothing that is imported becomes garbage
    from evald.cli.serve import serve_until_stopped
    from evald.errors import CannotStart

    try:
        serve_until_stopped(host=host, port=port, data_dir=data_dir, config=config)
    except CannotStart as error:
        click.echo(f"evald cannot start. {error}", err=True)
        sys.exit(1)


@cli.command()
@click.option("--data-dir", type=Path, help="Folder of the database. [./evald-data]")
@click.option("--config", type=Path, help="TOML file with the settings of the server.")
@click.option("--escapes", is_flag=True, help="List every escape that the self-test tries.")
def doctor(data_dir: Path | None, config: Path | None, escapes: bool) -> None:
    """Look at this machine as a server would, and say what is wrong.

    Give it the options and the environment of the server. It reads the settings,
    looks at the place of the database, asks each provider for its models, looks for
    the embedding model and for WordNet, and makes the self-test of python graders:
    what isolates their code, how many escapes were tried, and what to install where
    nothing holds. It changes nothing.

    \b
    Each line begins with one of
      ok      it is there and works
      -       it is not there, and need not be
      wrong   it is set up, and does not work
    The exit status is 1 when something is wrong. A server may run meanwhile.

    \b
      evald doctor --config /etc/evald.toml
    """  # noqa: D301  (click keeps the lines of a paragraph after a backspace)
    from evald.cli.doctor import examine

    sys.exit(0 if examine(data_dir, config, lists_escapes=escapes) else 1)


@cli.group()
def keys() -> None:
    """The keys that programs and readers use a server with.

    They work on the database, whether its server runs or not. From the first key on
    the server asks everyone for one, and a revoke never opens it again.
    """


DATABASE = (
    click.option("--data-dir", type=Path, help="Folder of the database. [./evald-data]"),
    click.option("--config", type=Path, help="TOML file with the settings of the server."),
    click.option(
        "--database-url", metavar="URL", help="The database, if it is not in that folder."
    ),
)
"""The options that name a database, as `serve` and the environment do."""


def on_a_database(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of DATABASE."""
    for option in reversed(DATABASE):
        command = option(command)
    return command


@keys.command("create")
@click.option("--project", default="default", show_default=True, help="Whose objects it opens.")
@click.option("--name", default="", help="What it is for, as the list shows it.")
@on_a_database
def create_key(project: str, name: str, **database: Path | str | None) -> None:
    """Make a key and print it.

    It is shown this once, for only a hash of it is kept. The key is all that is
    printed to standard output; what else is said goes to standard error:

    \b
      EVALD_API_KEY=$(evald keys create --project support --name ci)

    A project is made with its first key. Its evals, runs, files and stored
    completions are invisible to the keys of other projects. What was made before
    there were keys is in the project "default".
    """  # noqa: D301  (click keeps the lines of a paragraph after a backspace)
    from evald.cli.keys import create

    _on_keys(lambda: create(project, name, **database))


@keys.command("list")
@on_a_database
def list_keys(**database: Path | str | None) -> None:
    """List all keys, also those that are revoked.

    Of a key itself only the last characters are known.
    """
    from evald.cli.keys import show_all

    _on_keys(lambda: show_all(**database))


@keys.command("revoke")
@click.argument("key_id", metavar="ID")
@on_a_database
def revoke_key(key_id: str, **database: Path | str | None) -> None:
    """Put a key out of force, for good.

    ID is that of 'evald keys list', and not the key. When the command has ended, no
    running server takes the key any more, and the pages it opened are closed. Runs
    that it began go on.
    """
    from evald.cli.keys import revoke

    _on_keys(lambda: revoke(key_id, **database))


def _on_keys(act: Callable[[], None]) -> None:
    from evald.cli.keys import KeysFailed
    from evald.errors import CannotStart

    try:
        act()
    except (KeysFailed, CannotStart) as error:
        click.echo(f"Nothing was changed. {error}", err=True)
        sys.exit(1)


@cli.group()
def logs() -> None:
    """Chat completions and responses that a running server has stored."""


@logs.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--url", default="http://127.0.0.1:8484", show_default=True, help="The server.")
@click.option(
    "--metadata", multiple=True, metavar="KEY=VALUE", help="Added to each one; can be repeated."
)
@click.option("--project", help="The project that is meant; another one's key is refused.")
@click.option("--api-key", envvar="EVALD_API_KEY", metavar="KEY", help="Better as EVALD_API_KEY.")
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
    from evald.cli.logs import ImportFailed, Server, import_file

    try:
        all_taken = import_file(file, Server(url, api_key, project), metadata)
    except ImportFailed as error:
        click.echo(f"Nothing more was imported. {error}", err=True)
        sys.exit(1)
    sys.exit(0 if all_taken else 1)


@cli.group()
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
    from evald.cli.pull import CannotPull, Options, pull_into

    try:
        sys.exit(pull_into(Options(**options)))
    except CannotPull as error:
        click.echo(f"Nothing was read. {error}", err=True)
        sys.exit(1)


def main() -> None:
    """Run the command line."""
    cli()
