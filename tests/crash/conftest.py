"""A model server for all tests of a file, and a server that dies for each of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.points import MinedServer
from tests.model_server.client import ModelServer


@pytest.fixture(scope="module")
def model_process() -> Iterator[ModelServer]:
    with ModelServer() as process:
        yield process


@pytest.fixture
def models(model_process: ModelServer) -> Iterator[ModelServer]:
    yield model_process
    model_process.reset()
    model_process.wait(in_flight=0)
    model_process.reset_stats()


@pytest.fixture
def server(models: ModelServer, tmp_path: Path) -> Iterator[MinedServer]:
    """A server that is not started yet."""
    server = MinedServer(tmp_path, upstream=models.url)
    yield server
    if hasattr(server, "process") and server.process.poll() is None:
        assert server.stop() == 0
    assert "Traceback" not in server.log()
