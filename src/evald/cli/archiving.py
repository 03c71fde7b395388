"""An archive that is read from an API: its lock, its progress, its end, as the terminal shows them."""

import asyncio
import shutil
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from evald.archive.folder import FolderTaken, lock
from evald.archive.pull import Pull
from evald.archive.record import Tally, WrongFolder
from evald.archive.source import Address, Manners, SourceGone, open_source

STOPPED: Final = 130
DRAWN_EVERY_S: Final = 0.2
TOLD_EVERY_S: Final = 10

Reading = Callable[[Pull, str], Awaitable[None]]
"""What is read: it is given the pull, and the origin that its archive names."""


class CannotArchive(Exception):
    """Nothing was read. The message says why and what to do."""


@dataclass(frozen=True)
class Archiving:
    """What is read, from where, and where to."""

    folder: Path
    address: Address
    manners: Manners
    read: Reading


def archive(asked: Archiving) -> int:
    """Read it, say what became of it, and give the exit status. Raises CannotArchive."""
    try:
        with lock(asked.folder):
            return _pull(asked)
    except FolderTaken as error:
        raise CannotArchive(str(error)) from None
    except OSError as error:
        click.echo(
            f"{asked.folder} cannot be written: {error.strerror or error}. Nothing that was written "
            "before is lost. Make room, and the same command goes on from there.",
            err=True,
        )
        return 1


def _pull(asked: Archiving) -> int:
    try:
        tally = asyncio.run(_read(asked))
    except (KeyboardInterrupt, asyncio.CancelledError):
        click.echo(
            f"Stopped. What was read is in {asked.folder}; the same command goes on from there.",
            err=True,
        )
        return STOPPED
    except BaseExceptionGroup as group:
        error = _first(group)
    except (SourceGone, WrongFolder) as single:
        error = single
    else:
        return _said(asked.folder, tally)
    if isinstance(error, WrongFolder):
        raise CannotArchive(f"{error} Give this one a folder of its own.")
    if isinstance(error, SourceGone):
        click.echo(
            f"{asked.address.base_url.origin()}: {error}\nWhat was read is in {asked.folder}; "
            "the same command goes on from there.",
            err=True,
        )
        return 1
    raise error


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _read(asked: Archiving) -> Tally:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with open_source(asked.address, asked.manners) as source:
        progress = Progress()
        pull = Pull(source, asked.folder, asked.manners.concurrency, progress.tell)
        drawing = asyncio.create_task(progress.draw(pull.tally))
        try:
            await asked.read(pull, str(asked.address.base_url.with_query(None)).rstrip("/"))
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
    if not tally.failures and not tally.earlier_failures:
        click.echo(f"The archive in {folder} is complete.")
        return 0
    if not tally.failures:
        click.echo(
            f"All of this is in {folder}. {folder / 'failures.jsonl'} still names what an earlier "
            "command could not get."
        )
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
