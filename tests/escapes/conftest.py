"""Servers of root's and an ordinary user's, amid what sandboxes show, and one with Landlock alone."""

import os
import shutil
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import orjson
import pytest

from evald.sandbox import zygote
from tests.escapes.outside import outside
from tests.escapes.place import Place
from tests.ordinary_user import ORDINARY_USER, as_user, ordinary_folder
from tests.server import EvaldServer

IS_ROOT = os.geteuid() == 0
WITH_NAMESPACES = ["root", "ordinary"] if IS_ROOT else ["ordinary"]
KINDS = [*WITH_NAMESPACES, "landlock"]
LANDLOCK_USER = ORDINARY_USER + 1
"""Another one: without namespaces, threads of any other program of its user are counted, too."""
LIMIT_S = 3
CONFIG = """
[providers.{mark}]
base_url = "http://127.0.0.1:9/v1"
api_key_env = "KEY_OF_A_PROVIDER"
"""
PACKAGES = [Path(orjson.__file__), Path(os.__file__), Path(zygote.__file__)]


@pytest.fixture(scope="session", params=KINDS)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    if shutil.which("bwrap") is None and "CI" not in os.environ:
        pytest.skip(
            "NO ESCAPE WAS TRIED: there is no bubblewrap here, and make could not install it"
        )
    has_landlock_alone = request.param == "landlock"
    with ExitStack() as opened:
        world = opened.enter_context(outside(passable(opened), PACKAGES))
        temp = opened.enter_context(ordinary_folder())
        folder = opened.enter_context(
            ordinary_folder() if has_landlock_alone else folder_among_packages()
        )
        if has_landlock_alone and IS_ROOT:
            os.chown(temp, LANDLOCK_USER, LANDLOCK_USER)
            os.chown(folder, LANDLOCK_USER, LANDLOCK_USER)
        server = EvaldServer(
            folder,
            environment={"KEY_OF_A_PROVIDER": f"{world.mark}-key", "TMPDIR": str(temp),
                         "EVALD_PYTHON_TIMEOUT": str(LIMIT_S),
                         **({"PATH": "/nowhere"} if has_landlock_alone else {})},
            config=CONFIG.format(mark=world.mark),
            is_ordinary=request.param == "ordinary",
            under=as_user(LANDLOCK_USER, ()) if has_landlock_alone and IS_ROOT else (),
        )  # fmt: skip
        server.log_file = passable(opened) / "evald.log"
        opened.enter_context(server)
        place = Place(server, world, temp, has_namespaces=not has_landlock_alone)
        yield place
        place.check()


def passable(opened: ExitStack) -> Path:
    folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
    folder.chmod(0o755)
    return folder


@contextmanager
def folder_among_packages() -> Iterator[Path]:
    """Give a folder for the server's data where every sandbox sees the packages."""
    with tempfile.TemporaryDirectory(prefix="evald-", dir=sysconfig.get_path("purelib")) as name:
        if os.geteuid() == 0:
            os.chown(name, ORDINARY_USER, ORDINARY_USER)
        yield Path(name)
