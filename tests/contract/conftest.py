"""One evald and one scripted model server for all contract tests, and official clients of them."""

from collections.abc import AsyncIterator, Iterator

import openai
import pytest

from tests.contract.watching import Watch
from tests.graders.metrics.small_wordnet import write_small_wordnet
from tests.model_server.client import ModelServer
from tests.server import EvaldServer, FreshServer


@pytest.fixture(scope="session")
def model_process() -> Iterator[ModelServer]:
    """One for as long as the server in front of it; `models` gives it to a test."""
    with ModelServer() as process:
        yield process


@pytest.fixture(scope="session")
def server(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EvaldServer]:
    nltk_data = tmp_path_factory.mktemp("nltk_data")
    write_small_wordnet(nltk_data / "corpora" / "wordnet")
    with FreshServer(
        tmp_path_factory.mktemp("evald"),
        upstream=model_process.url,
        environment={"NLTK_DATA": str(nltk_data), "EVALD_EMBEDDINGS_MODEL": "embedder"},
    ) as server:
        yield server
        assert "Traceback" not in server.log()


@pytest.fixture
def watch() -> Iterator[Watch]:
    watch = Watch()
    yield watch
    assert watch.complaints == []


@pytest.fixture
def client(server: EvaldServer, watch: Watch) -> Iterator[openai.OpenAI]:
    """The official client; each of its answers is held against the schema."""
    with watch.client(server.base_url) as client:
        yield client


@pytest.fixture
async def async_client(server: EvaldServer, watch: Watch) -> AsyncIterator[openai.AsyncOpenAI]:
    async with watch.async_client(server.base_url) as client:
        yield client
