"""The local model, once for all tests of this folder that ask for it: as the demo has it, and brief."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from openai import OpenAI

from demo.processes import family, start, wait_until_ready
from demo.servers import ModelServer


@contextmanager
def served(module: str, folders: pytest.TempPathFactory) -> Iterator[ModelServer]:
    log = folders.mktemp("model") / "model.log"
    with family() as children:
        children.append(start("The local model", [module], log))
        url = wait_until_ready(children[0], "ready: ")
        yield ModelServer(children[0], url)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    with served("demo.local_model", tmp_path_factory) as model:
        yield model


@pytest.fixture(scope="session")
def brief_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    with served("tests.demo.brief_model", tmp_path_factory) as model:
        yield model


@pytest.fixture
def client(model: ModelServer) -> Iterator[OpenAI]:
    with OpenAI(base_url=model.base_url, api_key="not needed", max_retries=0) as client:
        yield client
