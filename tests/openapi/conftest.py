"""One evald and one scripted model server, which are asked whatever the document allows, and more."""

from collections.abc import Iterator

import pytest

from tests.model_server.client import ModelServer
from tests.openapi.known import Known, make_known
from tests.server import EvaldServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EvaldServer]:
    folder = tmp_path_factory.mktemp("evald")
    with ModelServer() as models, EvaldServer(folder, upstream=models.url) as server:
        yield server
        assert "Traceback" not in server.log()


@pytest.fixture
def known(server: EvaldServer) -> Known:
    """Objects that are there, so that not every id is an unknown one."""
    return make_known(server)
