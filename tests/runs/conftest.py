"""A server for all tests, one for those of a file with the same settings, or one for a single test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.model_server.client import ModelServer
from tests.server import EvaldServer

StartServer = Callable[..., EvaldServer]


@pytest.fixture(scope="session")
def model_process() -> Iterator[ModelServer]:
    """One for as long as the servers in front of it; `models` gives it to a test."""
    with ModelServer() as process:
        yield process


@pytest.fixture(scope="session")
def server(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EvaldServer]:
    """A server with the settings that everybody has."""
    with EvaldServer(tmp_path_factory.mktemp("evald"), upstream=model_process.url) as server:
        yield server
    assert "Traceback" not in server.log()


@pytest.fixture(scope="module")
def server_with(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartServer]:
    """Gives a server with such settings, the same one to all tests of a file; none may end it."""
    started: dict[tuple[Any, ...], EvaldServer] = {}
    with ExitStack() as servers:

        def give(config: str | None = None, **environment: Any) -> EvaldServer:
            settings = (config, *environment.items())
            if settings not in started:
                folder = tmp_path_factory.mktemp("evald")
                server = _set_up(folder, model_process, config, environment)
                started[settings] = servers.enter_context(server)
            return started[settings]

        yield give
    for server in started.values():
        assert "Traceback" not in server.log()


@pytest.fixture
def start_server(models: ModelServer, tmp_path: Path) -> Iterator[StartServer]:
    """Starts a server of one's own, with settings in its environment or in a config file."""
    with ExitStack() as servers:

        def start(config: str | None = None, **environment: Any) -> EvaldServer:
            return servers.enter_context(_set_up(tmp_path, models, config, environment))

        yield start


def _set_up(
    folder: Path, models: ModelServer, config: str | None, environment: dict[str, Any]
) -> EvaldServer:
    named = {f"EVALD_{name.upper()}": str(value) for name, value in environment.items()}
    upstream = models.url if config is None else None
    return EvaldServer(folder, upstream=upstream, environment=named, config=config)
