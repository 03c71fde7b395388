"""The scripted model server that stands behind everything which asks a model."""

import gc
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.model_server.client import ModelServer


def pytest_configure() -> None:
    """Have Ctrl-C reach the programs of tests, also where the tests run in the background of a shell."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Properties have no deadline: the machines that run them are shared.
    settings.register_profile("no deadline", deadline=None)
    settings.load_profile("no deadline")
    gc.disable()  # until all tests are collected: none of what is made becomes garbage


def pytest_collection_finish() -> None:
    """Keep the collector away from the tests, of which each of its passes went over thousands."""
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)
    gc.enable()


@pytest.fixture(scope="module")
def model_process() -> Iterator[ModelServer]:
    """One model server for all tests of a file."""
    with ModelServer() as process:
        yield process


@pytest.fixture
def models(model_process: ModelServer) -> Iterator[ModelServer]:
    """The model server as new; when the test is over nothing may be left in flight."""
    model_process.reset_stats()  # what tests without this fixture have asked of it
    yield model_process
    model_process.reset()
    model_process.wait(in_flight=0)
