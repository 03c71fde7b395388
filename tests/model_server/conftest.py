"""One model server for all tests of a file, as new for each of them."""

from collections.abc import Iterator

import pytest

from tests.model_server.client import ModelServer


@pytest.fixture(scope="module")
def process() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def models(process: ModelServer) -> Iterator[ModelServer]:
    yield process
    process.reset()
    process.wait(in_flight=0)
    process.reset_stats()
