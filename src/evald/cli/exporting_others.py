"""`evald export promptfoo` and `evald export inspect`: read a run, write it as another tool has it."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from evald.archive.folder import write_whole
from evald.cli.exporting import CannotExport
from evald.cli.running_server import RunningServer, ServerFailed
from evald.contract.json_types import JsonObject, JsonValue
from evald.elsewhere.carriage import Files, any_carried, plain
from evald.elsewhere.given import Exported, exported_eval, exported_run, row_of_output_item
from evald.elsewhere.inspect_task import inspect_files
from evald.elsewhere.promptfoo import promptfoo_files
from evald.rules import json_text

PART: Final = ".part"
"""The folder in which the files are written until they are whole."""
WRITERS = {"promptfoo": promptfoo_files, "inspect": inspect_files}


def export_to(tool: str, server: RunningServer, eval_id: str, run_id: str | None, out: Path) -> int:
    """Write the export, say what carries over, and give the exit status.

    Raises CannotExport, ServerFailed.
    """
    try:
        if out.exists() and any(each.name != PART for each in out.iterdir()):
            raise CannotExport(f"{out} is not empty. Name a folder that is, or one to be made.")
        files = WRITERS[tool](_exported(server, eval_id, run_id))
        is_anything = any_carried(files.criteria)
        if is_anything:
            _write(files, out)
    except OSError as error:
        raise CannotExport(f"{out}: {error.strerror or error}.") from None
    _tell(files)
    if not is_anything:
        click.echo("Nothing carries over, so nothing was written.", err=True)
        return 1
    click.echo(f"Written to {out}; its README.md says how to run it.")
    return 0


def _exported(server: RunningServer, eval_id: str, run_id: str | None) -> Exported:
    of_eval = server.get("evals", eval_id)
    if run_id is None:
        latest = next(server.objects("evals", eval_id, "runs", order="desc", limit=1), None)
        if latest is None:
            return exported_eval(of_eval)
        run_id = str(latest.get("id"))
    run = server.get("evals", eval_id, "runs", run_id)
    notes: list[str] = []
    exported = exported_run(of_eval, run, _rows(server, eval_id, run, notes))
    return replace(exported, notes=[*exported.notes, *notes])


def _rows(
    server: RunningServer, eval_id: str, run: JsonObject, notes: list[str]
) -> Iterator[JsonValue]:
    """Give the rows as they were sent, or where they are gone, those of the run's output items."""
    match run.get("data_source"):
        case {"source": {"type": "file_content", "content": list(content)}}:
            yield from content
            return
        case {"source": {"type": "file_id", "id": str(file_id)}}:
            try:
                text = server.content("files", file_id, "content")
            except ServerFailed as error:
                if error.status != 404:
                    raise
            else:
                yield from (_parsed(line) for line in text.splitlines() if line.strip())
                return
    path = ("evals", eval_id, "runs", str(run.get("id")), "output_items")
    items = sorted(server.objects(*path, order="asc"), key=_row_number)
    if run.get("status") != "completed":
        found = "1 output item" if len(items) == 1 else f"{len(items):,} output items"
        notes.append(
            f"The run is {run.get('status')}, and its rows are those of the {found} that it has: others "
            "may be missing."
        )
    yield from (row_of_output_item(item) for item in items)


def _parsed(line: bytes) -> JsonValue:
    """Give a line of a file, or None for one that is no row: it was never part of a run, either."""
    try:
        return json_text.parse(line)
    except json_text.BadJson:
        return None


def _row_number(item: JsonObject) -> int:
    number = item.get("datasource_item_id")
    return number if isinstance(number, int) else 0


def _write(files: Files, out: Path) -> None:
    """Write all files or none: they get their place when the disk has every one."""
    is_new, part = not out.exists(), out / PART
    shutil.rmtree(part, ignore_errors=True)  # of a command that was killed
    try:
        for path, text in files.files.items():
            write_whole(part / path, text.encode())
        for each in part.iterdir():
            each.rename(out / each.name)
    finally:
        shutil.rmtree(part, ignore_errors=True)
        if is_new and out.exists() and not any(out.iterdir()):
            out.rmdir()


def _tell(files: Files) -> None:
    for each in files.criteria:
        click.echo(f"{each.how:11}  {each.name}: {each.why}")
    for note in files.notes:
        click.echo(f"Note: {plain(note) if not note.isprintable() else note}")
    if any("WITHOUT evald's sandbox" in each.why for each in files.criteria):
        click.echo(
            "Warning: programs of python graders run there without a sandbox. Read them first.",
            err=True,
        )
