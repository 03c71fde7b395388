"""Where the database is, and the lock by which one server at a time uses it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from evald.errors import CannotStart
from evald.settings import Settings

ONLY_OURS: Final = 0o077
"""The umask: what users send and models answer is for nobody else on this machine."""


def database_url(settings: Settings, *, named: str = "EVALD_DATABASE_URL") -> str:
    """Give the URL of the database: the one that is set, or SQLite in the data directory.

    `named` is where it is set, for the message. Raises CannotStart.
    """
    if settings.database_url is None:
        path = settings.data_dir.absolute() / "evald.db"
        # A name may hold what means something in a URL.
        url = URL.create("sqlite+aiosqlite", database=str(path))
        return url.render_as_string(hide_password=False)
    given = settings.database_url.get_secret_value()
    try:
        url = make_url(given)
    except (ArgumentError, ValueError):  # their messages may hold the password
        raise CannotStart(f"{named} is no URL of a database.") from None
    if url.drivername != "sqlite+aiosqlite" or not _names_a_file(url):
        raise CannotStart(
            f"This version of evald keeps its data in a file of SQLite; leave {named} unset, or write "
            "it as sqlite+aiosqlite:////var/lib/evald/evald.db."
        )
    return given


def _names_a_file(url: URL) -> bool:
    path = url.database or ":memory:"
    return path != ":memory:" and not (url.host or url.username or url.port or url.query)


def make_data_dir(data_dir: Path) -> None:
    """Make the folder of a database, if it is not there. Raises CannotStart."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # no path at all: it holds a NUL
        raise CannotStart(f"The data directory cannot be made: {error}.") from None


@contextmanager
def sole_user(file: str) -> Iterator[None]:
    """Hold the database: two servers on one SQLite file would both carry out its runs.

    Raises CannotStart when another one holds it.
    """
    # A symbolic link is another name of the same file.
    lock = f"{os.path.realpath(file)}.lock"
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CannotStart(
            f"The database {file} cannot be locked: {lock}: {error.strerror}. Give evald a "
            "directory that it may write to with --data-dir, or another EVALD_DATABASE_URL."
        ) from None
    try:
        _lock(descriptor, file)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, file: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CannotStart(
            f"Another evald uses the database {file}. Stop it, or give this one a directory of its "
            "own with --data-dir."
        ) from None
    except OSError as error:
        raise CannotStart(f"The database {file} cannot be locked: {error.strerror}.") from None
