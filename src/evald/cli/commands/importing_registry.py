"""The command `evald import registry`."""

import sys
from pathlib import Path

import click

from evald.cli.commands.of_a_server import of_a_server


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--list", "is_list", is_flag=True, help="Say what each would become; no server.")
@click.option("--all", "is_all", is_flag=True, help="Import every eval that can be.")
@click.option(
    "--from",
    "place",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="A checkout, a package's folder, or a wheel.",
)
@click.option("--judge", metavar="MODEL", help="Labels answers in model-graded evals.")
@click.option("--run", "model", metavar="MODEL", help="Also begin a run of this model.")
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="The run has the first N rows alone."
)
@click.option("--print", "is_print", is_flag=True, help="Print the body of a run; begin none.")
@of_a_server
def registry(
    names: tuple[str, ...],
    is_list: bool,
    is_all: bool,
    place: Path | None,
    judge: str | None,
    model: str | None,
    limit: int | None,
    is_print: bool,
    url: str,
    project: str | None,
    api_key: str | None,
) -> None:
    """Import evals of the open-source registry of openai/evals.

    NAME is that of an eval, as in `oaieval`; `*` in it stands for any text.

    \b
    The registry comes with a package, of which nothing is run:
      pip install --no-deps evals
      evald import registry --list
      evald import registry 2d_movement --run MODEL --limit 20

    An eval that is there already stays as it is, so the command can be repeated.
    The exit status is 1 when an eval that was named could not be imported.
    """  # noqa: D301  (click keeps the lines of a paragraph after a backspace)
    from evald.cli.registry import CannotImport, Options, import_registry

    options = Options(
        names, is_list, is_all, place, judge, model, limit, is_print, url, project, api_key
    )
    try:
        sys.exit(import_registry(options))
    except CannotImport as error:
        click.echo(f"Nothing was imported. {error}", err=True)
        sys.exit(1)
