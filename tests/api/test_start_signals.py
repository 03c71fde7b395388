"""A signal during the start ends it; here the model endpoint takes a connection and never answers."""

import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen, TimeoutExpired
from typing import Self

import pytest

from tests.server import CHECKOUT, FreshServer, evald_command, evald_environment

ENDED_WITHIN_S = 60

BOTH = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])


@dataclass
class Starting:
    """An evald that waits for the answer of its model endpoint, and is not ready before it has it."""

    process: Popen[str]
    asked: socket.socket
    """The connection on which it waits."""

    @classmethod
    def begin(cls, data_dir: Path) -> Self:
        """Give it when it has begun to wait."""
        with socket.create_server(("127.0.0.1", 0)) as endpoint:
            endpoint.settimeout(ENDED_WITHIN_S)
            upstream = f"http://127.0.0.1:{endpoint.getsockname()[1]}/v1"
            process = Popen(
                evald_command("--port", "0", "--data-dir", str(data_dir)),
                cwd=CHECKOUT,
                env=evald_environment({"EVALD_UPSTREAM_BASE_URL": upstream}),
                stdout=PIPE,
                stderr=PIPE,
                text=True,
                start_new_session=True,
            )
            asked, _ = endpoint.accept()
        return cls(process, asked)

    def ended(self) -> tuple[int, str, str]:
        """Give the exit status and what was said, once it has ended."""
        try:
            said, log = self.process.communicate(timeout=ENDED_WITHIN_S)
        except TimeoutExpired:
            self.process.kill()
            raise
        return self.process.returncode, said, log


@pytest.fixture
def starting(tmp_path: Path) -> Iterator[Starting]:
    starting = Starting.begin(tmp_path / "data")
    yield starting
    starting.asked.close()
    starting.process.kill()
    starting.process.communicate()


@BOTH
def test_a_signal_during_the_start_ends_it_cleanly(
    starting: Starting, number: signal.Signals
) -> None:
    starting.process.send_signal(number)

    assert starting.ended() == (0, "evald has stopped.\n", "")


def test_signals_that_come_again_do_not_cut_the_end_short(starting: Starting) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
        starting.process.send_signal(number)

    assert starting.ended() == (0, "evald has stopped.\n", "")


def test_a_start_that_was_ended_leaves_a_database_that_the_next_one_takes(
    starting: Starting, tmp_path: Path
) -> None:
    starting.process.send_signal(signal.SIGTERM)
    starting.ended()

    assert not (tmp_path / "data" / "evald.db-wal").exists()  # the database was closed
    with FreshServer(tmp_path) as server:
        assert server.ask("GET", "/healthz").status == 200


@BOTH
def test_a_server_that_has_just_said_it_is_ready_stops_cleanly(
    tmp_path: Path, number: signal.Signals
) -> None:
    with FreshServer(tmp_path) as server:
        server.process.send_signal(number)
        server.process.send_signal(number)

        assert server.ended() == 0
        assert [line for line in server.log().splitlines() if "[info" not in line] == []
        assert not (tmp_path / "data" / "evald.db-wal").exists()
