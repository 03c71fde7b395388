"""`evald keys`: make, list and revoke keys, in the database itself."""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

import click
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.access.access import KNOWN_FOR
from evald.access.keys import PREFIX, hash_of, hint_of, new_key
from evald.clock import system_clock
from evald.contract.projects import MAX_LABEL_LENGTH, ApiKey
from evald.ids import new_key_id
from evald.settings import Settings, read_settings
from evald.store import api_keys as api_key_store
from evald.store.api_keys import NewKey
from evald.store.database import Database, open_database
from evald.store.lock import sole_user
from evald.store.migrate import check_file, is_up_to_date, migrate, refusing_broken
from evald.store.place import ONLY_OURS, make_data_dir, place_of

Result = TypeVar("Result")

LABEL: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9 ._@/+-]{{0,{MAX_LABEL_LENGTH - 1}}}", re.ASCII)
"""Names of projects and keys: they stand in headers, in tables and in scripts."""
HEADINGS: Final = ("ID", "PROJECT", "NAME", "KEY", "CREATED", "STATUS")


class KeysFailed(Exception):
    """The command cannot be carried out. The message says why and what to do."""


def create(project: str, name: str, **database: Path | str | None) -> None:
    """Make a key, print it, and say on standard error what it is. Raises KeysFailed, CannotStart."""
    _check_label(project, "project")
    if name:
        _check_label(name, "name")
    settings = _settings(database)
    os.umask(ONLY_OURS)
    make_data_dir(settings.data_dir)
    key, key_id, now = new_key(), new_key_id(), int(system_clock())

    async def make(connection: AsyncConnection) -> bool:
        known = await api_key_store.find_project(connection, project)
        project_id = known or await api_key_store.insert_project(connection, project, now)
        new = NewKey(key_id, project_id, name, hash_of(key), hint_of(key), now)
        await api_key_store.insert_key(connection, new)
        return known is None

    is_new = _on_database(settings, lambda opened: opened.insert(make))
    of_project = f"the new project '{project}'" if is_new else f"the project '{project}'"
    click.echo(f"Made {key_id} for {of_project}, in {_shown(settings)}.", err=True)
    click.echo(
        "This is the key. It is not shown again, and evald keeps only a hash of it.", err=True
    )
    click.echo(key)


def show_all(**database: Path | str | None) -> None:
    """Print a table of all keys. Raises KeysFailed, CannotStart."""
    settings = _of_existing(_settings(database))
    found = _on_database(settings, lambda opened: opened.read(api_key_store.list_keys))
    if not found:
        click.echo(f"There are no keys in {_shown(settings)}.", err=True)
        return
    for line in _table([HEADINGS, *[_cells(each) for each in found]]):
        click.echo(line)


def revoke(key_id: str, **database: Path | str | None) -> None:
    """Revoke a key, and return when no server takes it any more. Raises KeysFailed, CannotStart."""
    settings = _of_existing(_settings(database))
    now = int(system_clock())

    async def put_out_of_force(connection: AsyncConnection) -> tuple[ApiKey | None, bool]:
        was_in_force = await api_key_store.revoke_key(connection, key_id, now)
        return await api_key_store.find_api_key(connection, key_id), was_in_force

    key, was_in_force = _on_database(settings, lambda opened: opened.write(put_out_of_force))
    if key is None:
        raise KeysFailed(
            f"No key in {_shown(settings)} has this id. 'evald keys list' shows the ids; a key itself "
            "is none."
        )
    if was_in_force:
        time.sleep(KNOWN_FOR)  # a server may have read the keys just before
        click.echo(f"Revoked {key.id} of the project '{key.project}'.")
    else:
        click.echo(f"{key.id} was revoked before, on {_day(key.revoked_at)}.")


def _check_label(label: str, option: str) -> None:
    if not LABEL.fullmatch(label):
        raise KeysFailed(
            f"--{option} takes 1 to {MAX_LABEL_LENGTH} letters, digits, spaces and . _ @ / + -, and "
            "begins with a letter or a digit."
        )


def _settings(database: Mapping[str, Path | str | None]) -> Settings:
    settings = read_settings(**database)
    by_option = database.get("database_url") is not None
    place_of(settings, named="--database-url" if by_option else "EVALD_DATABASE_URL")
    return settings


def _of_existing(settings: Settings) -> Settings:
    file = place_of(settings).file
    if file is not None and not file.exists():
        raise KeysFailed(
            f"There is no database at {file}. Name the one of your server with --data-dir, "
            "--config or --database-url."
        )
    return settings


def _shown(settings: Settings) -> str:
    return place_of(settings).shown


def _on_database(settings: Settings, work: Callable[[Database], Awaitable[Result]]) -> Result:
    async def done() -> Result:
        async with _opened(settings) as database:
            return await work(database)

    try:
        return asyncio.run(done())
    except OperationalError as error:
        raise KeysFailed(f"The database {_shown(settings)} cannot be used: {error.orig}.") from None


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Database]:
    """Open the database beside the server that may be using it.

    Only a schema of another version needs it without any: then the servers are of that version, too.
    """
    place = place_of(settings)
    if place.file is not None:
        check_file(place.file)
    database = open_database(place.url)
    try:
        with refusing_broken():
            is_ready = await is_up_to_date(database)
        if not is_ready:
            async with sole_user(place):
                await migrate(database)
        yield database
    finally:
        await database.close()


def _cells(key: ApiKey) -> tuple[str, ...]:
    status = "in force" if key.revoked_at is None else f"revoked {_day(key.revoked_at)}"
    shown = f"{PREFIX}…{key.hint}"
    return (key.id, key.project, key.name or "-", shown, _day(key.created_at), status)


def _day(moment: int | None) -> str:
    return datetime.fromtimestamp(moment or 0, UTC).strftime("%Y-%m-%d")


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
