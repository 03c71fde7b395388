"""A sampler over real HTTP."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from evald.sampling.connections import Connections, open_connections
from evald.sampling.sampler import ProviderSampler
from tests.model_server.client import ModelServer
from tests.sampling.asking import MakeSampler, provider


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
