"""A Postgres of its own for tests that stop it, and servers of evald on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.model_server.client import ModelServer
from tests.postgres import PostgresServer
from tests.server import EvaldServer


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    """Give a server that a test may stop and start."""
    postgres = PostgresServer()
    postgres.start()
    yield postgres
    postgres.remove()


@pytest.fixture(scope="module")
def model_process() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def models(model_process: ModelServer) -> ModelServer:
    model_process.reset()
    return model_process


@pytest.fixture
def server(
    own_postgres: PostgresServer, models: ModelServer, tmp_path: Path
) -> Iterator[EvaldServer]:
    """Give a server on a new database of that Postgres."""
    url = own_postgres.new_database()
    environment = {"EVALD_DATABASE_URL": url}
    with EvaldServer(tmp_path, upstream=models.url, environment=environment) as process:
        yield process
        assert "Traceback" not in process.log()
