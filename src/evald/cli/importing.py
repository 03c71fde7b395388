"""`evald import PATH`: send an archive to a server, and say what became of it."""

import shutil
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

import click

from evald import __version__
from evald.archive.reading.archive import Archive
from evald.archive.reading.limits import Limits
from evald.archive.reading.members import NoArchive
from evald.archive.sending.import_archive import Import
from evald.archive.sending.outcome import Outcome
from evald.archive.sending.server import Address, Server, ServerGone
from evald.cli.import_summary import say_what_became

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
    url = _url(options.url)
    if url.username is not None or url.password is not None:
        raise CannotImport("The URL holds a password; the key comes from EVALD_API_KEY.")
    key = (options.api_key or "").strip() or None
    headers = {"accept": "application/json", "user-agent": f"evald/{__version__}"}
    if key is not None:
        headers["authorization"] = f"Bearer {key}"
    if options.project:
        headers["evald-project"] = options.project
    if not all(value.isascii() and value.isprintable() for value in headers.values()):
        raise CannotImport("Keys and names of projects are printable ASCII.")
    return Address(url, headers, key)


def _url(text: str) -> SplitResult:
    try:
        url = urlsplit(text)
        is_good = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        is_good = False
    if not is_good or not text.isascii() or not text.isprintable() or " " in text:
        raise CannotImport("The URL is none; write it as http://127.0.0.1:8484.")
    return url


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
