"""One server with two projects for the tests that change no key."""

from collections.abc import Iterator

import pytest

from tests.access.commands import make_key
from tests.access.projects import TwoProjects
from tests.model_server.client import ModelServer
from tests.server import EvaldServer


@pytest.fixture(scope="session")
def model_process() -> Iterator[ModelServer]:
    """One for as long as the server in front of it; `models` gives it to a test."""
    with ModelServer() as process:
        yield process


@pytest.fixture(scope="session")
def two(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TwoProjects]:
    folder = tmp_path_factory.mktemp("evald")
    server = EvaldServer(folder, upstream=model_process.url)
    first = make_key(server.data_dir, "--project", "first")
    second = make_key(server.data_dir, "--project", "second")
    with server:
        yield TwoProjects(server, first.secret, second.secret)
        assert "Traceback" not in server.log()
