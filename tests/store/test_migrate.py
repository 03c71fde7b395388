"""Migrations: the files and the tables agree, and a database is brought up, left alone or refused."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.errors import CannotStart
from evald.store import migrate as migration
from evald.store.database import Database, open_database
from evald.store.index_tables import SEARCH, metadata
from evald.store.migrate import FOLDER, LATEST, migrate, schema_version
from tests.store.records import saved_eval


async def version_of(database: Database) -> str | None:
    return await database.read(lambda connection: connection.run_sync(schema_version))


async def set_version(database: Database, version: str) -> None:
    async def write(connection: AsyncConnection) -> None:
        await connection.execute(
            text("UPDATE alembic_version SET version_num = :version"), {"version": version}
        )

    await database.write(write)


def differences(connection: Connection) -> list[object]:
    options = {
        "compare_type": True,
        "compare_server_default": True,
        # SQLite keeps a virtual table in tables of its own, Postgres an index that no column names.
        "include_name": lambda name, *_: not (name or "").startswith(SEARCH),
    }
    context = MigrationContext.configure(connection, opts=options)
    return list(compare_metadata(context, metadata))


async def test_all_migrations_together_make_the_tables(database: Database) -> None:
    assert await database.read(lambda connection: connection.run_sync(differences)) == []


def test_a_difference_between_migrations_and_tables_would_be_seen() -> None:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))

    script = ScriptDirectory.from_config(config)

    assert script.get_heads() == [LATEST]
    assert len(list(script.walk_revisions())) == len(version_files())


def version_files() -> list[Path]:
    return sorted((FOLDER / "versions").glob("[0-9]*.py"))


def test_the_latest_version_is_the_newest_file_and_the_files_are_numbered() -> None:
    numbers = [path.name.partition("_")[0] for path in version_files()]

    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
    assert numbers[-1] == LATEST


async def test_an_empty_database_gets_all_tables(database_url: str) -> None:
    database = open_database(database_url)
    assert await version_of(database) is None

    await migrate(database)

    def names(connection: Connection) -> set[str]:
        return set(inspect(connection).get_table_names())

    assert await version_of(database) == LATEST
    assert await database.read(lambda connection: connection.run_sync(names)) >= set(
        metadata.tables
    )
    await database.close()


async def test_a_database_that_is_up_to_date_is_left_as_it_is(database: Database) -> None:
    saved = await saved_eval(database)

    await migrate(database)

    assert await version_of(database) == LATEST
    assert saved.id in str(await database.read(all_evals))


async def all_evals(connection: AsyncConnection) -> list[object]:
    return list(await connection.execute(text("SELECT * FROM evals")))


MIGRATE_AND_LIST_MODULES = """
import asyncio, sys
from evald.store.database import open_database
from evald.store.migrate import migrate

async def main():
    database = open_database(sys.argv[1])
    await migrate(database)
    await database.close()

asyncio.run(main())
print("alembic" in sys.modules)
"""


def alembic_is_loaded_by(url: str) -> bool:
    ended = subprocess.run(
        [sys.executable, "-c", MIGRATE_AND_LIST_MODULES, url],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return ended.stdout.strip() == "True"


def test_alembic_is_loaded_only_when_there_is_something_to_do(database_url: str) -> None:
    assert alembic_is_loaded_by(database_url)
    assert not alembic_is_loaded_by(database_url)


@pytest.mark.parametrize("version", ["0999", "9999", "f00d"])
async def test_a_database_of_a_newer_version_is_refused_and_left_alone(
    database: Database, version: str
) -> None:
    await saved_eval(database)
    await set_version(database, version)

    with pytest.raises(
        CannotStart, match=rf"newer evald \(schema {version}; this one knows {LATEST}\)"
    ):
        await migrate(database)

    assert await version_of(database) == version
    assert len(await database.read(all_evals)) == 1


async def test_a_migration_that_breaks_leaves_the_database_as_it_was(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = broken_migrations(tmp_path)
    database = open_database(database_url)
    monkeypatch.setattr(migration, "FOLDER", broken)

    with pytest.raises(RuntimeError, match="in the middle"):
        await migrate(database)

    assert await version_of(database) is None
    monkeypatch.undo()
    await migrate(database)
    assert await version_of(database) == LATEST
    await database.close()


def broken_migrations(folder: Path) -> Path:
    """Copy the migrations, the last of which breaks when it has done its work."""
    copy = folder / "migrations"
    (copy / "versions").mkdir(parents=True)
    for path in [FOLDER / "env.py", *version_files()]:
        written = path.read_text("utf-8")
        if path == version_files()[-1]:
            written += "\nwhole = upgrade\n\ndef upgrade():\n    whole()\n"
            written += '    raise RuntimeError("in the middle")\n'
        (copy / path.relative_to(FOLDER)).write_text(written, "utf-8")
    return copy
