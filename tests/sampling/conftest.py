"""A sampler over real HTTP: one scripted model server for all tests of a file."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from evald.sampling.connections import Connections, open_connections
from evald.sampling.sampler import ProviderSampler
from tests.model_server.client import ModelServer
from tests.sampling.asking import MakeSampler, provider


@pytest.fixture(scope="module")
def process() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def models(process: ModelServer) -> Iterator[ModelServer]:
    """A model server as new, which has no call in flight when the test is over."""
    yield process
    process.reset()
    process.wait(in_flight=0)
    process.reset_stats()


@pytest.fixture
async def connections() -> AsyncIterator[Connections]:
    async with open_connections() as connections:
        yield connections


@pytest.fixture
def sampler(models: ModelServer, connections: Connections) -> MakeSampler:
    """Makes a sampler with one provider, the model server; its fields can be changed."""

    def make(**changes: Any) -> ProviderSampler:
        return ProviderSampler([provider(models, **changes)], connections)

    return make
