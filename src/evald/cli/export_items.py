"""`evald export items`: write the output items of a run to a file, or to standard output."""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO, Final

import click

from evald.cli.exporting import CannotExport
from evald.cli.running_server import RunningServer, api_path

STDOUT: Final = "-"
ENDINGS: Final = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}
PIECE: Final = 1 << 16
DRAWN_EVERY_S: Final = 0.2
STOPPED: Final = 130


class Incomplete(Exception):
    """What was written to standard output is not the whole. The message says why."""


@dataclass(frozen=True)
class Options:
    """The options of the command, as `evald export items --help` has them."""

    eval_id: str
    run_id: str
    out: str
    format: str | None
    columns: str | None
    status: str | None
    criterion: str | None
    verdict: str | None
    limit: int | None
    raw: bool
    url: str
    project: str | None
    api_key: str | None


def export_items(options: Options) -> int:
    """Write the file, say what became of it, and give the exit status.

    Raises CannotExport, ServerFailed, Incomplete.
    """
    kind = options.format or ENDINGS.get(Path(options.out).suffix.lower())
    if kind is None and options.out != STDOUT:
        raise CannotExport("Name the file with .jsonl, .csv or .parquet, or give --format.")
    if kind == "parquet" and options.out == STDOUT and sys.stdout.isatty():
        raise CannotExport("A terminal does not show Parquet: name a file with --out.")
    try:
        if options.out == STDOUT:
            _to_stdout(options, kind or "jsonl")
        else:
            _to_file(options, kind or "jsonl", Path(options.out))
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)
        return STOPPED
    return 0


def _to_stdout(options: Options, kind: str) -> None:
    server = _server(options)
    with server.answer("GET", _path(options, kind)) as answer:
        try:
            for piece in _pieces(answer, server):
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            raise  # whoever reads it has enough
        except (CannotExport, OSError) as error:
            raise Incomplete(str(error)) from None


def _to_file(options: Options, kind: str, path: Path) -> None:
    from evald.archive.folder import put_in_place

    part, server = path.with_name(f"{path.name}.part"), _server(options)
    with server.answer("GET", _path(options, kind)) as answer:
        try:
            with part.open("wb") as file:
                size = _drawn(_pieces(answer, server), file)
                put_in_place(file, part, path)
        except OSError as error:
            raise CannotExport(f"{path} cannot be written: {error.strerror or error}.") from None
        finally:
            part.unlink(missing_ok=True)
    click.echo(f"{path}: {size / 1e6:,.1f} MB.", err=True)


def _server(options: Options) -> RunningServer:
    return RunningServer.at(options.url, options.api_key, options.project)


def _path(options: Options, kind: str) -> str:
    query = {
        "format": kind,
        "columns": options.columns,
        "status": options.status,
        "criterion": options.criterion,
        "verdict": options.verdict,
        "limit": options.limit,
        "raw": "true" if options.raw else None,
    }
    named = {name: value for name, value in query.items() if value is not None}
    return api_path("evals", options.eval_id, "runs", options.run_id, "export", **named)


def _pieces(answer: HTTPResponse, server: RunningServer) -> Iterator[bytes]:
    """Give what comes. Raises CannotExport where it is cut before its end."""
    try:
        while piece := answer.read1(PIECE):
            yield piece
    except (OSError, HTTPException) as error:
        raise CannotExport(
            f"The server at {server.url.geturl()} cut the file before its end: it was stopped, or the "
            f"run was deleted ({type(error).__name__})."
        ) from None


def _drawn(pieces: Iterator[bytes], file: BinaryIO) -> int:
    """Write the pieces, show how many bytes they are to who sits at a terminal, and give that."""
    size, drawn, is_terminal = 0, time.monotonic(), sys.stderr.isatty()
    for piece in pieces:
        file.write(piece)
        size += len(piece)
        if is_terminal and time.monotonic() > drawn + DRAWN_EVERY_S:
            click.echo(f"\r\x1b[K{size / 1e6:,.1f} MB", nl=False, err=True)
            drawn = time.monotonic()
    if is_terminal:
        click.echo("\r\x1b[K", nl=False, err=True)
    return size
