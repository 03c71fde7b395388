"""`evald pull openai`: read what OpenAI, Azure or another evald holds into an archive on disk."""

import asyncio
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
from yarl import URL

from evald import __version__
from evald.archive.folder import FolderTaken, lock
from evald.archive.pull import Pull, Tally, WrongFolder
from evald.archive.source import Address, Manners, SourceGone, open_source

AZURE: Final = (".azure.com", ".azure.us", ".azure.cn")
STOPPED: Final = 130
DRAWN_EVERY_S: Final = 0.2
TOLD_EVERY_S: Final = 10


class CannotPull(Exception):
    """The pull cannot begin. The message says why and what to do."""


@dataclass(frozen=True)
class Options:
    """The options of the command, as `evald pull openai --help` has them."""

    out: Path
    base_url: str
    stored_completions: bool
    azure: bool
    concurrency: int
    timeout: float
    tries: int
    api_key: str | None
    azure_api_key: str | None
    organization: str | None
    project: str | None


def pull_into(options: Options) -> int:
    """Read everything, say what became of it, and give the exit status. Raises CannotPull."""
    address = address_of(options)
    try:
        with lock(options.out):
            return _pull(options, address)
    except FolderTaken as error:
        raise CannotPull(str(error)) from None
    except OSError as error:
        click.echo(
            f"{options.out} cannot be written: {error.strerror or error}. Nothing that was written "
            "before is lost. Make room, and the same command goes on from there.",
            err=True,
        )
        return 1


def address_of(options: Options) -> Address:
    """Give where to ask, with the one key that belongs there. Raises CannotPull."""
    url = _base_url(options.base_url)
    is_azure = options.azure or str(url.host).endswith(AZURE)
    if is_azure and url.path in ("", "/"):
        url = url.with_path("/openai/v1", keep_query=True)
    key = ((options.azure_api_key if is_azure else options.api_key) or "").strip() or None
    if key is None and (is_azure or url.host == "api.openai.com"):
        name = "AZURE_OPENAI_API_KEY" if is_azure else "OPENAI_API_KEY"
        raise CannotPull(f"It needs a key: set {name} in the environment.")
    headers = {"accept": "application/json", "user-agent": f"evald/{__version__}"}
    if key is not None:
        headers |= {"api-key": key} if is_azure else {"authorization": f"Bearer {key}"}
    if not is_azure:
        named = {"openai-organization": options.organization, "openai-project": options.project}
        headers |= {name: value for name, value in named.items() if value}
    if not all(value.isascii() and value.isprintable() for value in headers.values()):
        raise CannotPull("Keys and names of organizations and projects are printable ASCII.")
    return Address(url, headers, key)


def _base_url(text: str) -> URL:
    try:
        url = URL(text)
        is_good = url.scheme in ("http", "https") and bool(url.host)
    except ValueError:
        is_good = False
    if not is_good:
        raise CannotPull("The base URL is none; write it as https://api.openai.com/v1.")
    if url.user is not None or url.password is not None:
        raise CannotPull("The base URL holds a password; keys come from the environment.")
    return url


def _pull(options: Options, address: Address) -> int:
    try:
        tally = asyncio.run(_read(options, address))
    except (KeyboardInterrupt, asyncio.CancelledError):
        click.echo(
            f"Stopped. What was read is in {options.out}; the same command goes on from there.",
            err=True,
        )
        return STOPPED
    except BaseExceptionGroup as group:
        error = _first(group)
    except (SourceGone, WrongFolder) as single:
        error = single
    else:
        return _said(options.out, tally)
    if isinstance(error, WrongFolder):
        raise CannotPull(f"{error} Give this one a folder of its own.")
    if isinstance(error, SourceGone):
        click.echo(
            f"{address.base_url.origin()}: {error}\nWhat was read is in {options.out}; "
            "the same command goes on from there.",
            err=True,
        )
        return 1
    raise error


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _read(options: Options, address: Address) -> Tally:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    manners = Manners(options.concurrency, options.timeout, options.tries)
    async with open_source(address, manners) as source:
        progress = Progress()
        pull = Pull(source, options.out, options.concurrency, progress.tell)
        drawing = asyncio.create_task(progress.draw(pull.tally))
        try:
            origin = str(address.base_url.with_query(None)).rstrip("/")
            await pull.everything(origin, with_completions=options.stored_completions)
        finally:
            drawing.cancel()
            progress.clear()
    return pull.tally


def _said(folder: Path, tally: Tally) -> int:
    completions = f", {_n(tally.stored_completions, 'stored completion')}"
    click.echo(
        f"{_n(tally.evals, 'eval')}, {_n(tally.runs, 'run')} "
        f"({tally.runs_already_there:,} of them here already), "
        f"{_n(tally.output_items, 'output item')} read, {_n(tally.files, 'file')}"
        f"{completions if tally.stored_completions else ''}."
    )
    if not tally.failures:
        click.echo(f"The archive in {folder} is complete.")
        return 0
    click.echo(
        f"{_n(tally.failures, 'thing')} could not be had; {folder / 'failures.jsonl'} names what. "
        "The same command asks for what is missing again.",
        err=True,
    )
    return 1


def _n(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


class Progress:
    """What the reader of the terminal sees: a line that changes, or lines where there is none."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._begun = time.monotonic()

    def tell(self, line: str) -> None:
        """Say that a thing is done."""
        self.clear()
        click.echo(line)

    def clear(self) -> None:
        """Take away the line that changes."""
        if self._is_terminal:
            click.echo("\r\x1b[K", nl=False)

    async def draw(self, tally: Tally) -> None:
        """Show the tally again and again, until the task is canceled."""
        while self._is_terminal:
            width = shutil.get_terminal_size().columns - 1
            click.echo(f"\r\x1b[K{self._line(tally)[:width]}", nl=False)
            await asyncio.sleep(DRAWN_EVERY_S)
        while True:
            await asyncio.sleep(TOLD_EVERY_S)
            click.echo(self._line(tally))

    def _line(self, tally: Tally) -> str:
        rate = tally.output_items / max(0.001, time.monotonic() - self._begun)
        parts = [
            _n(tally.evals, "eval"),
            _n(tally.runs, "run"),
            _n(tally.output_items, "item"),
            f"{rate:,.0f} items/s",
            _n(tally.files, "file"),
        ]
        if tally.stored_completions:
            parts.append(_n(tally.stored_completions, "stored completion"))
        return "  ".join(parts)
