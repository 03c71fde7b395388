"""The commands `evald runs …`."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, BinaryIO

import click

from evald.cli.commands.of_a_server import of_a_server

STATUSES = ("queued", "in_progress", "completed", "failed", "canceled")


@click.group()
def runs() -> None:
    """Show, cancel, resume and regrade runs of a running server."""


def of_a_run(command: Callable[..., int]) -> Callable[..., None]:
    """Give a command the ids of a run and the options of a server; what it gives is its exit status."""

    @click.argument("eval_id", metavar="EVAL_ID")
    @click.argument("run_id", metavar="RUN_ID")
    @of_a_server
    @wraps(command)
    def asked(**options: Any) -> None:
        _exit_with(command, options)

    return asked


def _exit_with(command: Callable[..., int], options: dict[str, Any]) -> None:
    from evald.cli.running_server import ServerFailed

    try:
        sys.exit(command(**options))
    except ServerFailed as error:
        click.echo(f"{error}", err=True)
        sys.exit(1)


@runs.command("list")
@click.argument("eval_id", metavar="EVAL_ID")
@click.option("--status", type=click.Choice(STATUSES), metavar="STATUS", help="Only such runs.")
@click.option(
    "--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many."
)
@of_a_server
def list_(**options: Any) -> None:
    """List the runs of an eval, the newest first.

    \b
      evald runs list EVAL_ID
      evald runs list EVAL_ID --status failed

    STATUS is queued, in_progress, completed, failed or canceled.
    """  # noqa: D301  (click keeps the lines of a paragraph after a backspace)
    from evald.cli.runs import list_runs

    _exit_with(list_runs, options)


@runs.command("show")
@click.option("--wait", is_flag=True, help="Return when the run has ended.")
@of_a_run
def show(**options: Any) -> int:
    """Show where a run stands, and what can be done next.

    \b
      evald runs show EVAL_ID RUN_ID
      evald runs show EVAL_ID RUN_ID --wait

    \b
    Exit status:
      0    the run is shown
      1    with --wait: it failed or was canceled; or the server refused
      130  you stopped waiting; the run goes on
    """  # noqa: D301  (click keeps the lines of a paragraph after a backspace)
    from evald.cli.runs import show_run

    return show_run(**options)


@runs.command("cancel")
@of_a_run
def cancel(**options: Any) -> int:
    """Cancel a run, and show it as it will stay.

    When this returns, no call to a model is under way any more. Finished rows are
    kept, and 'evald runs resume' goes on from there. A run that has ended stays as
    it is.
    """
    from evald.cli.runs import cancel_run

    return cancel_run(**options)


@runs.command("resume")
@click.option(
    "--retry",
    type=click.Choice(["errored"]),
    metavar="errored",
    help="Redo the errored rows as well, also of a completed run.",
)
@click.option("--wait", is_flag=True, help="Return when the run has ended.")
@of_a_run
def resume(**options: Any) -> int:
    """Have a run go on that was canceled or failed.

    \b
      evald runs resume EVAL_ID RUN_ID --wait
      evald runs resume EVAL_ID RUN_ID --retry errored

    Rows that are finished are not asked again. Errored rows count as finished,
    unless you say --retry errored: then their items are removed and they are done
    anew. What they cost stays in the usage of the run.

    A run that is under way, or has nothing left to do, stays as it is.

    \b
    Exit status:
      0    the run goes on; with --wait: it is completed
      1    it cannot go on, and the message says why; with --wait: it failed
      130  you stopped waiting; the run goes on
    """  # noqa: D301  (click keeps the lines of a paragraph after a backspace)
    from evald.cli.runs import resume_run

    return resume_run(**options)


@runs.command("regrade")
@click.option(
    "--criteria",
    type=click.File("rb"),
    metavar="FILE",
    help="A JSON array of testing criteria, for which a new eval is made; - for standard input.",
)
@click.option("--in", "in_eval", metavar="EVAL_ID", help="An eval whose criteria are taken.")
@click.option("--name", help="The name of the new run.")
@click.option("--wait", is_flag=True, help="Return when the new run has ended.")
@of_a_run
def regrade(criteria: BinaryIO | None, **options: Any) -> int:
    """Grade the samples of a run by other criteria.

    \b
      evald runs regrade EVAL_ID RUN_ID --criteria criteria.json --wait
      evald runs regrade EVAL_ID RUN_ID --in OTHER_EVAL_ID

    \b
    criteria.json holds what "testing_criteria" of an eval does:
      [{"type": "string_check", "name": "exact", "operation": "eq",
        "input": "{{ sample.output_text }}", "reference": "{{ item.answer }}"}]

    It is a new run; the old one stays as it is. Its model is not asked again; judges
    among the criteria are, and are paid. A row without a sample stays an error.
    """  # noqa: D301  (click keeps the lines of a paragraph after a backspace)
    from evald.cli.runs import regrade_run

    if (criteria is None) == (options["in_eval"] is None):
        raise click.UsageError("Give either --criteria FILE or --in EVAL_ID.")
    return regrade_run(criteria.read() if criteria is not None else None, **options)
