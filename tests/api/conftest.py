"""One evald for all tests of bad input; it serves the models `scripted` and `small-*` alone."""

from collections.abc import Iterator

import pytest

from tests.api.refusals import Prepared, prepare
from tests.model_server.client import ModelServer
from tests.server import EvaldServer

CONFIG = """
[providers.main]
base_url = "{url}"
models = ["scripted", "small-*"]
"""


@pytest.fixture(scope="session")
def model_process() -> Iterator[ModelServer]:
    with ModelServer() as process:
        yield process


@pytest.fixture(scope="session")
def server(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EvaldServer]:
    folder = tmp_path_factory.mktemp("evald")
    with EvaldServer(folder, config=CONFIG.format(url=model_process.url)) as server:
        yield server
        # No request may break the server, whatever is in it.
        assert "Traceback" not in server.log()


@pytest.fixture(scope="session")
def session_prepared(server: EvaldServer) -> Prepared:
    return prepare(server)


@pytest.fixture
def prepared(session_prepared: Prepared) -> Iterator[Prepared]:
    """A server with one object of each kind; a test must leave it as it was."""
    with session_prepared.unchanged():
        yield session_prepared
