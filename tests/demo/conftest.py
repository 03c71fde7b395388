"""The local model of the demo, once for all tests of this folder that ask for it."""

from collections.abc import Iterator

import pytest
from openai import OpenAI

from demo.processes import family, start, wait_until_ready
from demo.servers import ModelServer


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    log = tmp_path_factory.mktemp("model") / "model.log"
    with family() as children:
        children.append(start("The local model", ["demo.local_model"], log))
        url = wait_until_ready(children[0], "ready: ")
        yield ModelServer(children[0], url)


@pytest.fixture
def client(model: ModelServer) -> Iterator[OpenAI]:
    with OpenAI(base_url=model.base_url, api_key="not needed", max_retries=0) as client:
        yield client
