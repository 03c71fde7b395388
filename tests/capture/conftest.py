"""An evald with a key and narrow limits for its endpoint, for all tests of a file; or a database."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from evald.store.database import Database, open_database
from evald.store.migrate import migrate
from tests.model_server.client import ModelServer
from tests.server import EvaldServer

KEY = "sk-the-key-of-the-provider"
CONFIG = """
[providers.scripted]
base_url = "{url}"
api_key_env = "SCRIPTED_KEY"
models = ["scripted"]
max_concurrency = 2

[providers.hasty]
base_url = "{url}"
models = ["hasty"]
first_byte_timeout = 0.5
total_timeout = 1.0

[providers.nowhere]
base_url = "http://127.0.0.1:1/v1"
models = ["nowhere"]
"""


@pytest.fixture(scope="module")
def server(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EvaldServer]:
    with EvaldServer(
        tmp_path_factory.mktemp("evald"),
        config=CONFIG.format(url=model_process.url),
        environment={"SCRIPTED_KEY": KEY},
    ) as server:
        yield server
    assert "Traceback" not in server.log()
    assert KEY not in server.log()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = open_database(f"sqlite+aiosqlite:///{tmp_path}/evald.db")
    await migrate(database)
    yield database
    await database.close()
