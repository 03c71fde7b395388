"""A server that dies, for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.points import MinedServer
from tests.model_server.client import ModelServer


@pytest.fixture
def server(models: ModelServer, tmp_path: Path) -> Iterator[MinedServer]:
    """A server that is not started yet."""
    server = MinedServer(tmp_path, upstream=models.url)
    yield server
    if hasattr(server, "process") and server.process.poll() is None:
        assert server.stop() == 0
    assert "Traceback" not in server.log()
