"""A process aside, on the event loop that the server has, and computations that wait for the test."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import psutil
import pytest
import uvloop

from evald.sandbox.aside import ProcessAside
from evald.sandbox.backend import Limits
from evald.sandbox.bubblewrap import bubblewrap
from evald.sandbox.pool import SandboxPool
from evald.sandbox.visible import visible
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


@pytest.fixture(scope="session")
def has_bubblewrap() -> None:
    """For tests that need it; where it cannot isolate they say so, and in CI they fail."""
    isolate = ["bwrap", "--unshare-user", "--unshare-pid", "--ro-bind", "/", "/", "true"]
    can = shutil.which("bwrap") is not None and subprocess.run(isolate, check=False).returncode == 0
    if not can and "CI" not in os.environ:
        pytest.skip("NO SANDBOX WAS TESTED: there is no bubblewrap here, or it may not isolate")


@pytest.fixture(scope="session")
def has_gvisor() -> None:
    """For tests that need it: root's alone can; where runsc is missing they fail in CI."""
    if os.geteuid() != 0:
        pytest.skip("only root can start runsc")
    if shutil.which("runsc") is None and "CI" not in os.environ:
        pytest.skip("NO GVISOR WAS TESTED: there is no runsc here, and make could not install it")


LIMITS = Limits(seconds=30, memory=256 << 20, scratch=8 << 20, scratch_files=200)
"""Small ones, so that they are met quickly."""


@pytest.fixture
async def pool(has_bubblewrap: None) -> AsyncIterator[SandboxPool]:
    pool = SandboxPool(bubblewrap(visible(), (), LIMITS), spare_places=1)
    yield pool
    await pool.close()
