"""The children of the demo: none outlives it, and one that does not start says why."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from demo.ending import DemoFailed
from demo.processes import (
    Child,
    announced_url,
    environment,
    family,
    is_free,
    start,
    wait_until_ready,
)
from demo.servers import Home, own_folder
from tests.waiting import until

STARTS_A_CHILD_AND_WAITS = """
import signal, sys
from pathlib import Path
from demo.processes import start
print(start("A server", ["http.server", "0"], Path(sys.argv[1])).process.pid, flush=True)
signal.pause()
"""


def test_a_child_does_not_outlive_a_demo_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTS_A_CHILD_AND_WAITS, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as demo:
        assert demo.stdout is not None
        child = int(demo.stdout.readline())
        assert is_running(child)

        demo.send_signal(signal.SIGKILL)

    until(lambda: not is_running(child))


def is_running(pid: int) -> bool:
    """Say whether a process is there and more than a zombie that nobody has asked about yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_the_children_of_a_family_are_stopped_when_it_ends_in_an_error(tmp_path: Path) -> None:
    started: list[Child] = []

    def fail_with_a_child() -> None:
        with family() as children:
            started.append(start("A server", ["http.server", "0"], tmp_path / "log"))
            children.extend(started)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_with_a_child()

    assert started[0].process.returncode == -signal.SIGTERM


def test_a_child_that_ends_at_its_start_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"

    with family() as children:
        children.append(start("The model", ["no_such_module"], log))
        with pytest.raises(DemoFailed, match=r"(?s)The model ended with 1.*no_such_module"):
            wait_until_ready(children[0], "ready: ")


def test_a_half_written_ready_line_is_not_taken_for_a_url(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("loading\nready: http://127.0.0.1:80")
    half = announced_url(log, "ready: ")
    log.write_text("loading\nready: http://127.0.0.1:8080/v1, for all\n")

    assert (half, announced_url(log, "ready: ")) == (None, "http://127.0.0.1:8080/v1")


def test_evald_variables_of_the_shell_do_not_reach_the_children(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EVALD_PUBLIC_URL", "https://evals.example")
    monkeypatch.setenv("EVALUATION", "kept")

    kept = environment()

    assert "EVALD_PUBLIC_URL" not in kept
    assert kept["EVALUATION"] == "kept"


def test_a_port_is_free_only_while_nobody_listens_on_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        taken = not is_free(port)

    assert (taken, is_free(port)) == (True, True)


def test_a_second_demo_in_a_folder_is_refused_with_the_process_of_the_first(tmp_path: Path) -> None:
    home = Home(tmp_path)

    with (
        own_folder(home),
        pytest.raises(DemoFailed, match=rf"as process {os.getpid()}\."),
        own_folder(home),
    ):
        pass
    with own_folder(home):
        pass


def test_a_folder_that_takes_no_files_is_told() -> None:
    with (
        pytest.raises(DemoFailed, match="Nothing can be written in /proc/demo/: "),
        own_folder(Home(Path("/proc/demo"))),
    ):
        pass
