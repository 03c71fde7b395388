"""A database for each test: empty, migrated, closed afterwards.

The suite runs once for every entry of DATABASES; what only SQLite has stands in `test_sqlite_*.py`.
"""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from evald.store.database import Database, open_database
from evald.store.migrate import migrate

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


DATABASES: dict[str, Callable[[Path], str]] = {"sqlite": sqlite_url}


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return DATABASES[request.param](tmp_path)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = open_database(database_url)
    await migrate(database)
    yield database
    await database.close()
