"""The commands `evald export …`."""

import sys
from pathlib import Path
from typing import Any

import click

from evald.cli.commands.of_a_server import of_a_server


@click.group()
def export() -> None:
    """Take evals, runs and output items out of a running server."""


@export.command("eval")
@click.argument("eval_ids", metavar="EVAL_ID...", nargs=-1)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder of the archive; made if it is not there.",
)
@click.option("--run", multiple=True, metavar="RUN_ID", help="Only this run; can be repeated.")
@click.option("--all", is_flag=True, help="Every eval, and every file for evals.")
@of_a_server
def export_eval(**options: Any) -> None:
    """Write evals with their runs as an archive.

    It is the archive of 'evald pull openai': the eval, its runs, their output items,
    and the files that the runs read, if they are still there. Each object is as the
    API answers it.

    \b
      evald export eval EVAL_ID --out archive
      evald export eval EVAL_ID --run RUN_ID --out archive
      evald export eval --all --out archive

    Stop it with Ctrl-C, or kill it: the same command goes on from there. Later it
    fetches only what is new. What could not be had is named at the end and in
    DIR/failures.jsonl.

    \b
    Exit status:
      0    all that was asked for is in the archive
      1    something could not be had, or the server or the disk failed
      130  stopped
    """  # noqa: D301  (click keeps the lines of a paragraph after a backspace)
    from evald.cli.archiving import CannotArchive
    from evald.cli.export_eval import Options, export_evals

    try:
        sys.exit(export_evals(Options(**options)))
    except CannotArchive as error:
        click.echo(f"Nothing was exported. {error}", err=True)
        sys.exit(1)


@export.command("items")
@click.argument("eval_id", metavar="EVAL_ID")
@click.argument("run_id", metavar="RUN_ID")
@click.option(
    "--out", default="-", metavar="FILE", help="Where to; standard output without it, or for -."
)
@click.option(
    "--format",
    type=click.Choice(["jsonl", "csv", "parquet"]),
    help="By the ending of FILE if absent.",
)
@click.option("--columns", metavar="NAMES", help="Names with commas between them.")
@click.option("--status", metavar="STATUS", help="Only items that are pass, fail or error.")
@click.option("--criterion", metavar="NAME", help="Only items to which it gave --verdict.")
@click.option("--verdict", metavar="VERDICT", help="passed, failed or errored.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many items.")
@click.option("--raw", is_flag=True, help="Texts in a CSV as they are, formulas too.")
@of_a_server
def export_items(**options: Any) -> None:
    """Write the output items of a run as JSON Lines, CSV or Parquet.

    They come in the order of the rows, those that are saved by now, also while the
    run goes on. JSON Lines hold whole items, unless columns are named:

    \b
      evald export items EVAL_ID RUN_ID --out items.jsonl
      evald export items EVAL_ID RUN_ID --out items.csv --status fail
      evald export items EVAL_ID RUN_ID --out items.parquet \\
        --columns id,item.question,sample.output_text,results.exact.passed

    docs/moving-out.md has all columns. In a CSV, a text that a spreadsheet would
    compute has an apostrophe before it, unless you say --raw.

    FILE is written as FILE.part and gets its name when it is whole. The exit status
    is 1 when it could not be had, and 130 when you stopped it.
    """  # noqa: D301  (click keeps the lines of a paragraph after a backspace)
    from evald.cli.export_items import Incomplete, Options
    from evald.cli.export_items import export_items as write
    from evald.cli.exporting import CannotExport
    from evald.cli.running_server import ServerFailed

    try:
        sys.exit(write(Options(**options)))
    except (CannotExport, ServerFailed) as error:
        click.echo(f"Nothing was exported. {error}", err=True)
        sys.exit(1)
    except Incomplete as error:
        click.echo(f"What was written is not the whole. {error}", err=True)
        sys.exit(1)
