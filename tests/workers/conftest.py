"""Servers and workers on one Postgres."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.model_server.client import ModelServer
from tests.postgres import database_for
from tests.server import EvaldServer
from tests.worker import EvaldWorker

StartWorker = Callable[..., EvaldWorker]


@pytest.fixture(scope="module")
def model_process() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def models(model_process: ModelServer) -> ModelServer:
    model_process.reset()
    return model_process


@pytest.fixture(scope="module")
def server(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EvaldServer]:
    """Give a server that leaves all chunks to workers."""
    folder = tmp_path_factory.mktemp("server")
    environment = {"EVALD_DATABASE_URL": database_for(folder), "EVALD_WORKER_CONCURRENCY": "0"}
    with EvaldServer(folder, upstream=model_process.url, environment=environment) as process:
        yield process
        assert "Traceback" not in process.log()


@pytest.fixture
def start_worker(server: EvaldServer, tmp_path: Path) -> Iterator[StartWorker]:
    """Give a function that starts a worker beside the server, until the end of the test."""
    with ExitStack() as stack:
        workers: list[EvaldWorker] = []

        def start(url: str | None = None, **environment: str) -> EvaldWorker:
            given = {**server.environment, **environment}
            if url is not None:
                given["EVALD_DATABASE_URL"] = url
            del given["EVALD_WORKER_CONCURRENCY"]
            workers.append(stack.enter_context(EvaldWorker(tmp_path, given)))
            return workers[-1]

        yield start
    for worker in workers:
        assert "Traceback" not in worker.log(), worker.log()
