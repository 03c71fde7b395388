"""One evald for all tests of bad input; it serves the models `scripted` and `small-*` alone."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.api.refusals import Prepared, prepare
from tests.model_server.client import ModelServer
from tests.server import EvaldServer

CONFIG = """
[providers.main]
base_url = "{url}"
models = ["scripted", "small-*"]
"""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EvaldServer]:
    folder = tmp_path_factory.mktemp("evald")
    with (
        ModelServer() as models,
        EvaldServer(folder, config=CONFIG.format(url=models.url)) as server,
    ):
        yield server
        # No request may break the server, whatever is in it.
        assert "Traceback" not in server.log()


@dataclass
class Kept:
    """What is there, and what the lists showed after the last test."""

    prepared: Prepared
    shown: dict[str, bytes]


@pytest.fixture(scope="session")
def kept(server: EvaldServer) -> Kept:
    prepared = prepare(server)
    return Kept(prepared, prepared.everything())


@pytest.fixture
def prepared(kept: Kept) -> Iterator[Prepared]:
    """A server with one object of each kind; a test must leave it as it was."""
    yield kept.prepared
    before, kept.shown = kept.shown, kept.prepared.everything()
    assert kept.shown == before
