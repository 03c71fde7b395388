"""One server for the tests of a file."""

from collections.abc import Iterator

import pytest

from tests.model_server.client import ModelServer
from tests.server import EvaldServer


@pytest.fixture(scope="module")
def server(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EvaldServer]:
    """One evald for all tests of a file; each imports ids of its own."""
    folder, config = tmp_path_factory.mktemp("evald"), '[aliases]\n"an-alias" = "scripted"\n'
    with EvaldServer(folder, upstream=model_process.url, config=config) as process:
        yield process
