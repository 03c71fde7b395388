"""Servers that send webhooks again soon, and give up soon where a test wants it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.crash.points import MinedServer
from tests.model_server.client import ModelServer
from tests.runs.making import asked
from tests.server import EvaldServer
from tests.webhooks.hooking import ENDPOINTS, path_of

StartServer = Callable[..., EvaldServer]
SOON = {"webhook_first_retry": 0.05, "webhook_timeout": 60}


def variables(**settings: Any) -> dict[str, str]:
    return {f"EVALD_{name.upper()}": str(value) for name, value in {**SOON, **settings}.items()}


@pytest.fixture(scope="module")
def quick_process(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EvaldServer]:
    """One for all tests of a file; `server` gives it to a test."""
    folder = tmp_path_factory.mktemp("evald")
    with EvaldServer(folder, upstream=model_process.url, environment=variables()) as server:
        yield server
    assert "Traceback" not in server.log()


@pytest.fixture
def server(quick_process: EvaldServer) -> Iterator[EvaldServer]:
    """A server without endpoints."""
    yield quick_process
    delete_endpoints(quick_process)


def delete_endpoints(server: EvaldServer) -> None:
    """Leave none behind: the port of its receiver may be that of the next test's."""
    for endpoint in asked(server, "GET", f"{ENDPOINTS}?limit=1000")["data"]:
        asked(server, "DELETE", path_of(endpoint))


@pytest.fixture(scope="module")
def patient_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EvaldServer]:
    """One for all tests of a file; `patient_server` gives it to a test."""
    folder = tmp_path_factory.mktemp("patient")
    with EvaldServer(folder, environment=variables(webhook_first_retry=1000)) as server:
        yield server
    assert "Traceback" not in server.log()


@pytest.fixture
def patient_server(patient_process: EvaldServer) -> Iterator[EvaldServer]:
    """A server that tries a webhook once and then not for a long time."""
    yield patient_process
    delete_endpoints(patient_process)


@pytest.fixture
def start_server(models: ModelServer, tmp_path: Path) -> Iterator[StartServer]:
    """Starts a server of one's own, with settings in its environment or in a config file."""
    with ExitStack() as servers:

        def start(
            config: str | None = None, secrets: dict[str, str] | None = None, **settings: Any
        ) -> EvaldServer:
            environment = variables(**settings) | (secrets or {})
            upstream = models.url if config is None else None
            server = EvaldServer(
                tmp_path, upstream=upstream, environment=environment, config=config
            )
            return servers.enter_context(server)

        yield start


@pytest.fixture
def mined_server(models: ModelServer, tmp_path: Path) -> Iterator[MinedServer]:
    """A server that is not started yet, and can be made to die at a point."""
    server = MinedServer(tmp_path, upstream=models.url, environment=variables())
    yield server
    if hasattr(server, "process") and server.process.poll() is None:
        assert server.stop() == 0
    assert "Traceback" not in server.log()
