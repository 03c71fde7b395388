"""A fork of the process that has imported evald is as a start with a new Python, but for the imports."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.forking.forked import CHECKOUT, Forked
from tests.server import EvaldServer, evald_ended, evald_environment, fresh_evald_ended
from tests.waiting import until


@pytest.mark.parametrize("command", [("--version",), ("keys",), ("keys", "no"), ("serve", "--no")])
def test_a_command_ends_as_with_a_new_python(command: tuple[str, ...]) -> None:
    assert vars(evald_ended(*command)) == vars(fresh_evald_ended(*command))


def test_a_server_is_a_process_of_its_own_with_nothing_of_the_one_it_comes_from(
    tmp_path: Path,
) -> None:
    with EvaldServer(tmp_path, environment={"EVALD_LOG_LEVEL": "warning"}) as server:
        own, parent = (
            psutil.Process(server.process.pid),
            psutil.Process(server.process.pid).parent(),
        )

        assert parent is not None
        assert os.getsid(own.pid) == own.pid
        assert not files(own.pid) & (files(parent.pid) - files(os.getpid()))
        assert server.log_file.resolve() in {Path(file) for file in files(own.pid)}


def files(pid: int) -> set[str]:
    """Give what the descriptors of a process lead to, besides devices."""
    found = set[str]()
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # the one that reads this folder
            found.add(os.readlink(each))
    return {file for file in found if not file.startswith(("/dev/", "anon_inode:"))}


def test_it_comes_from_a_process_in_which_nothing_runs(tmp_path: Path) -> None:
    with EvaldServer(tmp_path) as server:
        parent = psutil.Process(server.process.pid).parent()

        assert parent is not None
        assert parent.num_threads() == 1
        assert parent.net_connections() == []  # of the internet
        assert parent.environ().keys().isdisjoint(server.environment)


def test_it_finds_what_a_new_python_finds_and_has_chance_of_its_own(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.forking.seen", "an argument", "ü"]
    env = evald_environment({"EVALD_PORT": "7", "TZ": "America/New_York"})
    before = os.umask(0o027)
    try:
        fresh = json.loads(subprocess.check_output(command, cwd=CHECKOUT, env=env))
        forked = [seen(command, env, tmp_path / name) for name in ("one", "other")]
    finally:
        os.umask(before)

    chances = {each.pop("chance") for each in (fresh, *forked)}
    assert len(chances) == 3
    assert forked == [fresh, fresh]


def seen(command: Sequence[str], env: Mapping[str, str], out: Path) -> Any:
    with out.open("w+") as said:
        assert Forked(command, env=env, stdout=said, stderr=said).wait(60) == 0, out.read_text()
    return json.loads(out.read_text())


def test_its_end_is_told_as_popen_tells_it(tmp_path: Path) -> None:
    with EvaldServer(tmp_path) as server:
        assert server.process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            server.process.wait(0.001)

        server.process.kill()

        assert server.process.wait(60) == server.process.poll() == -signal.SIGKILL
        server.process.send_signal(signal.SIGTERM)  # reaches nobody


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.server import EvaldServer

server = EvaldServer(Path(sys.argv[1]))
server.start()
print(server.process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_tests_that_are_killed_leave_no_process(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path)]

    killed = subprocess.run(command, cwd=CHECKOUT, stdout=subprocess.PIPE, check=False)

    assert killed.returncode == -signal.SIGKILL
    until(lambda: not psutil.pid_exists(int(killed.stdout)))
