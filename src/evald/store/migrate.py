"""Bring a database to the schema that this version knows, or refuse it.

An empty database gets all migrations, an older one those that it lacks, and one that a newer evald
wrote is left alone. Alembic is only loaded when there is something to do.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.errors import CannotStart
from evald.store.database import Database

LATEST: Final = "0012"
"""The newest migration; a test holds it against the folder `migrations/versions`."""

MIGRATING: Final = 0x6576616C65
"""The number of Postgres's advisory lock under which a schema is changed."""

IN_USE: Final = 0x6576616C64
"""The number of the advisory lock that all users of a Postgres share: `evald` in ASCII."""

FOLDER: Final = Path(__file__).parent / "migrations"


async def migrate(database: Database) -> None:
    """Bring the database up to date.

    Raises CannotStart when a newer evald wrote it, when others use it whose tables are to change, and
    when it is no database that can be used.
    """

    async def upgrade(connection: AsyncConnection) -> None:
        await connection.run_sync(_upgrade)

    with refusing_broken():
        if not await is_up_to_date(database):
            await database.change_schema(upgrade)


async def is_up_to_date(database: Database) -> bool:
    """Say whether the database has the schema that this version knows."""

    async def version(connection: AsyncConnection) -> str | None:
        return await connection.run_sync(schema_version)

    return await database.read(version) == LATEST


def check_file(file: Path) -> None:
    """See whether a file is, or can become, a SQLite database. Raises CannotStart.

    Without aiosqlite: the thread of a connection that could not be opened may outlive the event
    loop, and then prints a traceback under the message.
    """
    try:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA schema_version")
    except sqlite3.Error as error:
        raise _unusable(error) from None


@contextmanager
def refusing_broken() -> Iterator[None]:
    """Raise CannotStart when the database cannot be used, for whatever reason it gives."""
    try:
        yield
    except DBAPIError as error:
        raise _unusable(error.orig) from None
    except OSError as error:  # Postgres cannot be reached
        raise _unusable(error) from None


def _unusable(reason: BaseException | None) -> CannotStart:
    return CannotStart(
        f"The database cannot be used: {str(reason).rstrip('.')}. Use another data directory, or "
        "another EVALD_DATABASE_URL."
    )


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        _take_turns(connection)
    current = schema_version(connection)
    if current == LATEST:  # somebody else was quicker
        return
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        refuse_other(current)
    if connection.dialect.name == "postgresql":
        _refuse_used(connection)
    config.attributes["connection"] = connection
    command.upgrade(config, LATEST)
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        assert broken is None, f"a migration left a reference to nothing: {broken}"


def _take_turns(connection: Connection) -> None:
    """Keep other programs waiting that start at the same moment."""
    # Alembic is loaded in the middle, which may take a while.
    connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATING})


def _refuse_used(connection: Connection) -> None:
    """See that nobody else uses a Postgres until this transaction ends. Raises CannotStart."""
    found = connection.execute(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": IN_USE})
    if not found.scalar_one():
        raise CannotStart(
            "Other evalds use the database, and this version changes its tables. Stop all servers and "
            "workers on it, start one of this version, and then the others."
        )


def refuse_other(version: str | None) -> None:
    """Refuse a schema that is not the one this version knows. Raises CannotStart."""
    if version != LATEST:
        raise CannotStart(
            f"The database was written by a newer evald (schema {version}; this one knows {LATEST}). "
            "Start that newer version, or use another database."
        )


def schema_version(connection: Connection) -> str | None:
    """Give the schema version of a database, or None when it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(
        text("SELECT version_num FROM alembic_version")
    ).scalar_one_or_none()
    return version
