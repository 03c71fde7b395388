"""The commands `evald keys …`."""

import sys
from collections.abc import Callable
from pathlib import Path

import click


@click.group()
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
