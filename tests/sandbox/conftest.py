"""A process aside, on the event loop that the server has, and computations that wait for the test."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import psutil
import pytest
import uvloop

from evald.sandbox.aside import ProcessAside
from tests.sandbox.pause import Pause

Children = Callable[[], list[psutil.Process]]


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def aside() -> AsyncIterator[ProcessAside]:
    aside = ProcessAside()
    yield aside
    await aside.close()


@pytest.fixture
def children() -> Children:
    """Gives the processes that this test has begun; servers of other tests may be there, too."""
    before = set(psutil.Process().children(recursive=True))
    return lambda: [
        each for each in psutil.Process().children(recursive=True) if each not in before
    ]


@pytest.fixture
def pause(tmp_path: Path) -> Iterator[Pause]:
    os.mkfifo(tmp_path / "pause")
    pause = Pause(tmp_path / "pause")
    yield pause
    pause.close()
