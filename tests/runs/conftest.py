"""A server for all tests of a file, or one for a single test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.model_server.client import ModelServer
from tests.server import EvaldServer

StartServer = Callable[..., EvaldServer]


@pytest.fixture(scope="module")
def server(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EvaldServer]:
    """A server with the settings that everybody has."""
    with EvaldServer(tmp_path_factory.mktemp("evald"), upstream=model_process.url) as server:
        yield server
    assert "Traceback" not in server.log()


@pytest.fixture
def start_server(models: ModelServer, tmp_path: Path) -> Iterator[StartServer]:
    """Starts a server of one's own, with settings in its environment or in a config file."""
    with ExitStack() as servers:

        def start(config: str | None = None, **environment: Any) -> EvaldServer:
            named = {f"EVALD_{name.upper()}": str(value) for name, value in environment.items()}
            upstream = models.url if config is None else None
            server = EvaldServer(tmp_path, upstream=upstream, environment=named, config=config)
            return servers.enter_context(server)

        yield start
