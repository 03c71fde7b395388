"""`evald export items`: write the output items of a run to a file, or to standard output."""

import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import quote, urlencode, urlsplit

import click
import orjson

STDOUT: Final = "-"
ENDINGS: Final = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}
PATIENCE_S: Final = 600
PIECE: Final = 1 << 16
DRAWN_EVERY_S: Final = 0.2
STOPPED: Final = 130


class CannotExport(Exception):
    """No file was written. The message says why and what to do."""


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

    Raises CannotExport, Incomplete.
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
    with _answer(options, kind) as answer:
        try:
            for piece in _pieces(answer):
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            raise  # whoever reads it has enough
        except (CannotExport, OSError) as error:
            raise Incomplete(str(error)) from None


def _to_file(options: Options, kind: str, path: Path) -> None:
    from evald.archive.folder import put_in_place

    part = path.with_name(f"{path.name}.part")
    with _answer(options, kind) as answer:
        try:
            with part.open("wb") as file:
                size = _drawn(_pieces(answer), file)
                put_in_place(file, part, path)
        except OSError as error:
            raise CannotExport(f"{path} cannot be written: {error.strerror or error}.") from None
        finally:
            part.unlink(missing_ok=True)
    click.echo(f"{path}: {size / 1e6:,.1f} MB.", err=True)


def _answer(options: Options, kind: str) -> "closing[_Answer]":
    return closing(_Answer(options, kind))


class _Answer:
    """The answer of the server, of which nothing but the file is read."""

    def __init__(self, options: Options, kind: str) -> None:
        """Ask. Raises CannotExport."""
        self.url = options.url
        headers = _headers(options)
        self._connection, prefix = _connection(options.url)
        try:
            self._connection.request("GET", prefix + _path(options, kind), headers=headers)
            self.body = self._connection.getresponse()
        except (OSError, HTTPException) as error:
            self.close()
            raise CannotExport(f"The server at {self.url} does not answer: {error}.") from None
        if self.body.status != 200:
            reason = _refusal(self.body, self.url)
            self.close()
            raise CannotExport(reason)

    def close(self) -> None:
        """Leave the server."""
        self._connection.close()


def _connection(url: str) -> tuple[HTTPConnection, str]:
    """Give a connection that is not open yet, and what stands before each path."""
    try:
        address = urlsplit(url)
        if address.scheme in ("http", "https") and address.hostname:
            kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
            prefix = address.path.rstrip("/").removesuffix("/v1")
            return kind(address.netloc, timeout=PATIENCE_S), prefix
    except (ValueError, HTTPException):
        pass  # half an IPv6 address, or a port that is none
    raise CannotExport(f"'{url}' is no URL of a server; write it as http://127.0.0.1:8484.")


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
    named = urlencode({name: value for name, value in query.items() if value is not None})
    run = f"/v1/evals/{quote(options.eval_id, safe='')}/runs/{quote(options.run_id, safe='')}"
    return f"{run}/export?{named}"


def _headers(options: Options) -> dict[str, str]:
    headers = {"authorization": f"Bearer {options.api_key.strip()}"} if options.api_key else {}
    if options.project:
        headers["evald-project"] = options.project
    if not all(value.isascii() and value.isprintable() for value in headers.values()):
        raise CannotExport("Keys and names of projects are printable ASCII.")
    return headers


def _refusal(answer: HTTPResponse, url: str) -> str:
    try:
        return f"{answer.status}: {orjson.loads(answer.read())['error']['message']}"
    except (OSError, HTTPException, ValueError, KeyError, TypeError):
        return f"{answer.status}: what answers at {url} is no evald"


def _pieces(answer: _Answer) -> Iterator[bytes]:
    """Give what comes. Raises CannotExport where it is cut before its end."""
    try:
        while piece := answer.body.read1(PIECE):
            yield piece
    except (OSError, HTTPException) as error:
        raise CannotExport(
            f"The server at {answer.url} cut the file before its end: it was stopped, or the run was "
            f"deleted ({type(error).__name__})."
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
