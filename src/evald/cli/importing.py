"""`evald import PATH`: send an archive to a server, and say what became of it."""

import shutil
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from evald.archive.reading.archive import Archive
from evald.archive.reading.limits import Limits
from evald.archive.reading.members import NoArchive
from evald.archive.sending.import_archive import Import
from evald.archive.sending.outcome import Outcome
from evald.archive.sending.server import Address, Server, ServerGone
from evald.cli.import_summary import say_what_became
from evald.cli.running_server import ServerFailed, headers_of, key_in, server_url

STOPPED: Final = 130
DRAWN_EVERY_S: Final = 0.2
TOLD_EVERY_S: Final = 10.0


class CannotImport(Exception):
    """The import cannot begin. The message says why and what to do."""


@dataclass(frozen=True)
class Options:
    """The options of the command, as `evald import --help` has them."""

    path: Path
    url: str
    dry_run: bool
    models: tuple[str, ...]
    project: str | None
    api_key: str | None
    max_members: int
    max_gb: float
    max_ratio: float


def import_archive(options: Options) -> int:
    """Send everything, say what became of it, and give the exit status. Raises CannotImport."""
    address = address_of(options)
    limits = Limits(options.max_members, options.max_gb, options.max_ratio)
    progress = Progress()
    server = Server(address, progress.tell)
    work = Import(
        Archive(options.path, limits),
        server,
        models_of(options.models),
        options.dry_run,
        progress.tick,
    )
    progress.follow(work.outcome)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        status = _sent(work, progress, address)
    finally:
        server.close()
    return status


def _sent(work: Import, progress: "Progress", address: Address) -> int:
    try:
        work.everything()
        progress.clear()
        return say_what_became(work, address)
    except NoArchive as error:
        raise CannotImport(f"{address.safe(work.archive.path)}: {error}.") from None
    except ServerGone as error:
        progress.clear()
        click.echo(f"{address.url.geturl()}: {address.safe(error)}", err=True)
        click.echo(_safe_so_far(work), err=True)
        return 1
    except KeyboardInterrupt:
        progress.clear()
        click.echo(f"Stopped. {_safe_so_far(work)}", err=True)
        return STOPPED


def _safe_so_far(work: Import) -> str:
    if work.is_dry:
        return "It was a dry run: nothing was changed."
    taken = _told(work.outcome)
    if not taken:
        return "Nothing was sent yet."
    return (
        f"What was sent is kept ({taken}); the same command goes on from there, and changes "
        "nothing of it."
    )


def address_of(options: Options) -> Address:
    """Give where to send to, and the headers that say who asks. Raises CannotImport."""
    try:
        url = server_url(options.url)
    except ServerFailed as error:
        raise CannotImport(f"The URL is none. {error}") from None
    key = key_in(options.api_key)
    try:
        headers = headers_of(key, options.project)
    except ServerFailed as error:
        raise CannotImport(str(error)) from None
    return Address(url, {"accept": "application/json", **headers}, key)


def models_of(pairs: Sequence[str]) -> dict[str, str]:
    """Give which model is to stand for which. Raises CannotImport."""
    models: dict[str, str] = {}
    for pair in pairs:
        name, equals, other = pair.partition("=")
        if not (name and equals and other):
            raise CannotImport(f"'{pair}' maps no model; write it as --map gpt-4o=qwen3.")
        if models.setdefault(name, other) != other:
            raise CannotImport(f"--map gives two models for '{name}'.")
    return models


class Progress:
    """What the reader of the terminal sees: a line that changes, or lines where there is none."""

    def __init__(self) -> None:
        """Begin now."""
        self._is_terminal = sys.stdout.isatty()
        self._every = DRAWN_EVERY_S if self._is_terminal else TOLD_EVERY_S
        self._drawn = time.monotonic()
        self._outcome = Outcome()
        self._met: dict[str, int] = {}

    def follow(self, outcome: Outcome) -> None:
        """Show what becomes of this."""
        self._outcome = outcome

    def tell(self, line: str) -> None:
        """Say something once."""
        self.clear()
        click.echo(line, err=True)

    def clear(self) -> None:
        """Take away the line that changes."""
        if self._is_terminal:
            click.echo("\r\x1b[K", nl=False)

    def tick(self, what: str) -> None:
        """Count an object; show where things are when it is time."""
        self._met[what] = self._met.get(what, 0) + 1
        if time.monotonic() - self._drawn < self._every:
            return
        self._drawn = time.monotonic()
        line = f"{what}: {self._met[what]:,}  {self._line()}"
        if self._is_terminal:
            width = shutil.get_terminal_size().columns - 1
            click.echo(f"\r\x1b[K{line[:width]}", nl=False)
        else:
            click.echo(line)

    def _line(self) -> str:
        done = _told(self._outcome)
        return f"(done: {done})" if done else ""


def _told(outcome: Outcome) -> str:
    return ", ".join(
        f"{each.total:,} {name if each.total > 1 else name.removesuffix('s')}"
        for name, each in outcome.kinds.items()
        if each.total
    )
