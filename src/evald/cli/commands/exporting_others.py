"""The commands `evald export promptfoo` and `evald export inspect`."""

import sys
from collections.abc import Callable
from pathlib import Path

import click

from evald.cli.commands.of_a_server import of_a_server

WHERE = (
    click.argument("eval_id"),
    click.option("--run", "run_id", metavar="RUN_ID", help="The run it is made of. [the latest]"),
    click.option(
        "--out",
        type=click.Path(file_okay=False, path_type=Path),
        required=True,
        metavar="DIR",
        help="An empty folder; made if it is not there.",
    ),
)


def of_a_run(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the arguments that name an eval, a run, a server and a folder."""
    command = of_a_server(command)
    for option in reversed(WHERE):
        command = option(command)
    return command


@click.command()
@of_a_run
def promptfoo(eval_id: str, run_id: str | None, out: Path, **server: str | None) -> None:
    """Write an eval as a config of promptfoo.

    The run gives the messages, the model, its sampling params and the rows. Criteria
    that promptfoo has with the same meaning become its own asserts, the others python
    asserts that grade by evald's own code, which is written beside them.

    \b
      evald export promptfoo eval_... --out for-promptfoo
      cd for-promptfoo && npx promptfoo eval --no-cache

    What carries over exactly, nearly and not is printed and stands in DIR/README.md.
    The exit status is 1 when nothing carries over, and then nothing is written.
    """  # noqa: D301  (click keeps the lines of a paragraph after a backspace)
    _export("promptfoo", eval_id, run_id, out, server)


@click.command()
@of_a_run
def inspect(eval_id: str, run_id: str | None, out: Path, **server: str | None) -> None:
    """Write an eval as a task of Inspect.

    The run gives the messages, the model, its sampling params and the rows. They are
    data beside a fixed program, which grades by evald's own code.

    \b
      evald export inspect eval_... --out for-inspect
      cd for-inspect && inspect eval task.py --model openai/gpt-4o-mini

    What carries over exactly, nearly and not is printed and stands in DIR/README.md.
    The exit status is 1 when nothing carries over, and then nothing is written.
    """  # noqa: D301  (click keeps the lines of a paragraph after a backspace)
    _export("inspect", eval_id, run_id, out, server)


def _export(
    tool: str, eval_id: str, run_id: str | None, out: Path, server: dict[str, str | None]
) -> None:
    from evald.cli.exporting import CannotExport
    from evald.cli.exporting_others import export_to
    from evald.cli.running_server import RunningServer, ServerFailed

    try:
        asked = RunningServer.at(server["url"] or "", server["api_key"], server["project"])
        sys.exit(export_to(tool, asked, eval_id, run_id, out))
    except (CannotExport, ServerFailed) as error:
        click.echo(f"Nothing was written. {error}", err=True)
        sys.exit(1)
