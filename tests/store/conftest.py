"""A database for each test: empty, migrated, closed afterwards.

The suite runs once for every one of DATABASES; what only SQLite has stands in `test_sqlite_*.py`.
"""

import asyncio
import atexit
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from evald.store.database import Database, open_database
from evald.store.migrate import migrate
from tests.postgres import drop_database, migrate_at, migrated_database, new_database

# The database stays the same for all examples of a property; each works on records of its own.
settings.register_profile(
    "store",
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile("store")


def sqlite_url(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{folder}/evald.db"


DATABASES = ("sqlite", "postgres")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database_kind" in metafunc.fixturenames:
        is_of_sqlite = metafunc.module.__name__.rpartition(".")[2].startswith("test_sqlite")
        metafunc.parametrize("database_kind", ["sqlite"] if is_of_sqlite else DATABASES)


@pytest.fixture
def database_url(
    database_kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[str]:
    """Give the URL of a database: empty, or with the newest schema where a test wants `database`."""
    is_empty = "database" not in request.fixturenames
    if database_kind == "sqlite":
        if not is_empty:
            shutil.copy(migrated_file(), tmp_path / "evald.db")
        yield sqlite_url(tmp_path)
    elif is_empty:
        url = new_database()
        yield url
        drop_database(url)
    else:
        with migrated_database() as url:
            yield url


@cache
def migrated_file() -> Path:
    """Give a file of SQLite that has the newest schema and nothing else."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    asyncio.run(migrate_at(sqlite_url(folder)))
    return folder / "evald.db"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = open_database(database_url)
    await migrate(database)
    yield database
    await database.close()
