"""One evald, one scripted model server and one Node process for all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.graders.metrics.small_wordnet import write_small_wordnet
from tests.model_server.client import ModelServer
from tests.node.sdk import NodeSdk
from tests.server import EvaldServer


@pytest.fixture(scope="session")
def model_process() -> Iterator[ModelServer]:
    with ModelServer() as process:
        yield process


@pytest.fixture(scope="session")
def server(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EvaldServer]:
    folder = tmp_path_factory.mktemp("evald")
    write_small_wordnet(folder / "nltk_data" / "corpora" / "wordnet")
    environment = {
        "NLTK_DATA": str(folder / "nltk_data"),
        "EVALD_EMBEDDINGS_MODEL": "embedder",
    }
    with EvaldServer(folder, upstream=model_process.url, environment=environment) as server:
        yield server
        assert "Traceback" not in server.log()


@pytest.fixture(scope="session")
def node() -> Iterator[NodeSdk]:
    with NodeSdk() as node:
        yield node
