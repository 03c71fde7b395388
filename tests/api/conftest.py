"""One evald for all tests of bad input; it serves the models `scripted` and `small-*` alone."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
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
    database: sqlite3.Connection | None
    """The server's, for a look whether anything was written; None where it is no file."""
    written: int = 0

    def changed(self) -> list[str]:
        """Give the lists that show something else than at the last look; none if nothing was written."""
        before, self.written = self.written, _version_of(self.database)
        if self.database is not None and self.written == before:
            return []
        shown, self.shown = self.shown, self.prepared.everything()
        return [path for path in shown | self.shown if shown.get(path) != self.shown.get(path)]


def _version_of(database: sqlite3.Connection | None) -> int:
    """Give a number that is another one after each write of the server."""
    if database is None:
        return 0
    version: int = database.execute("PRAGMA data_version").fetchone()[0]
    return version


@pytest.fixture(scope="session")
def kept(server: EvaldServer) -> Iterator[Kept]:
    prepared = prepare(server)
    file = server.data_dir / "evald.db"
    if os.environ.get("EVALD_TEST_DATABASE") == "postgres":
        yield Kept(prepared, prepared.everything(), None)
        return
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        written = _version_of(database)
        yield Kept(prepared, prepared.everything(), database, written)


@pytest.fixture
def prepared(kept: Kept) -> Iterator[Prepared]:
    """A server with one object of each kind; a test must leave it as it was."""
    yield kept.prepared
    assert kept.changed() == []
