"""One server for all exports, and the run with awkward contents."""

from collections.abc import Iterator

import pytest

from tests.exports.awkward import Line, make_awkward_run
from tests.model_server.client import ModelServer
from tests.server import EvaldServer


@pytest.fixture(scope="session")
def model_process() -> Iterator[ModelServer]:
    """One for as long as the server in front of it; `models` gives it to a test."""
    with ModelServer() as process:
        yield process


@pytest.fixture(scope="session")
def server(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EvaldServer]:
    with EvaldServer(tmp_path_factory.mktemp("evald"), upstream=model_process.url) as server:
        yield server
        assert "Traceback" not in server.log()


@pytest.fixture(scope="session")
def run(server: EvaldServer) -> Line:
    return make_awkward_run(server)
