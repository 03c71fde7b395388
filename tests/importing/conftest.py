"""One evald with an alias for all tests of history that comes in, and official clients of it."""

from collections.abc import Iterator

import openai
import pytest

from tests.contract.watching import Watch
from tests.model_server.client import ModelServer
from tests.server import EvaldServer

CONFIG = """
embeddings_model = "text-embedding-3-large"

[providers.scripted]
base_url = "{url}"
models = ["scripted", "embedder"]

[aliases]
"gpt-4o" = "scripted"
"text-embedding-3-large" = "embedder"
"""


@pytest.fixture(scope="package")
def model_process() -> Iterator[ModelServer]:
    """One for as long as the server in front of it."""
    with ModelServer() as process:
        yield process


@pytest.fixture(scope="package")
def server(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EvaldServer]:
    folder = tmp_path_factory.mktemp("evald")
    with EvaldServer(folder, config=CONFIG.format(url=model_process.url)) as server:
        yield server
        assert "Traceback" not in server.log()


@pytest.fixture
def client(server: EvaldServer) -> Iterator[openai.OpenAI]:
    """The official client; each of its answers is held against the schema."""
    watch = Watch()
    with watch.client(server.base_url) as client:
        yield client
    assert watch.complaints == []
