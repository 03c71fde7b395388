"""A real `evald serve` process for tests, and plain HTTP to it.

Most are forks of a process that has imported evald, for imports are most of a start. `FreshServer` and
`fresh_evald_ended` start a Python of their own, as users do: for tests of the start itself, and for some
of each kind.
"""

import copy
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any, Self
from urllib.parse import urlsplit

from tests.forking.forked import CHECKOUT, Forked
from tests.ordinary_user import as_ordinary_user
from tests.postgres import database_for

__all__ = ["CHECKOUT"]

READY_WITHIN_S = 60
STOPPED_WITHIN_S = 60
ANSWERED_WITHIN_S = 60
ENDED_WITHIN_S = 60
UNCOMPILED = {"PYTHONDONTWRITEBYTECODE": "1"}
"""For a process that may write little: compiled modules that it cut would break every later one."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer that was read to its end. Names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The parsed body, as deep as the test needs it."""
        return json.loads(self.body)


class EvaldServer:
    """An evald process on a free port of 127.0.0.1, with a data directory of its own.

    >>> with ModelServer() as models, EvaldServer(tmp_path, upstream=models.url) as server:
    ...     client = OpenAI(base_url=server.base_url, api_key="not needed")
    """

    url: str
    """Where it is reached, without a slash at the end."""
    process: subprocess.Popen[bytes] | Forked

    def __init__(
        self,
        folder: Path,
        *,
        upstream: str | None = None,
        environment: Mapping[str, str] | None = None,
        config: str | None = None,
        is_ordinary: bool = False,
        under: Sequence[str] = (),
    ) -> None:
        """Keep everything in `folder`; nothing is started yet.

        `upstream` is the base URL of a model endpoint, `environment` is added to the process's own,
        `config` is the text of its TOML file. An ordinary server is not root's, even where the tests
        are; its folder is an `ordinary_folder`. `under` is a command that runs the server's own.
        """
        self.is_ordinary = is_ordinary
        self.under = list(under)
        self.data_dir = folder / "data"
        self.log_file = folder / "evald.log"
        self.port = 0
        self.headers: Mapping[str, str] = {}
        # Calls that a test holds would be waited for.
        self.environment = {"EVALD_DRAIN_SECONDS": "0"}
        if upstream is not None:
            self.environment["EVALD_UPSTREAM_BASE_URL"] = upstream
        if os.environ.get("EVALD_TEST_DATABASE") == "postgres":
            self.environment["EVALD_DATABASE_URL"] = database_for(self.data_dir)
        self.environment |= environment or {}
        if config is not None:
            file = folder / "evald.toml"
            file.write_text(config)
            self.environment["EVALD_CONFIG"] = str(file)

    @property
    def base_url(self) -> str:
        """The base URL for an SDK."""
        return f"{self.url}/v1"

    def __enter__(self) -> Self:
        """Start the server and wait until it is ready."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the server if it still runs."""
        if self.process.poll() is None:
            self.stop()
        self.ended()

    def start(self) -> None:
        """Start on the port of the last start, at first on a free one; return when it is ready.

        RuntimeError with the log when it ends instead.
        """
        self.begin()
        self.url = self._ready_line("evald is ready at ").split(",")[0]
        self.port = urlsplit(self.url).port or 0

    def begin(self) -> None:
        """Begin the process and wait for nothing."""
        with self.log_file.open("ab") as log:
            self.process = self._begun(self.command(), log)

    def command(self) -> list[str]:
        """Give the command line of the process."""
        return evald_command("--port", str(self.port), "--data-dir", str(self.data_dir))

    def _begun(self, command: Sequence[str], log: IO[bytes]) -> subprocess.Popen[bytes] | Forked:
        if self.under or self.is_ordinary:
            return self._begun_afresh(command, log)
        return Forked(
            command, env=evald_environment(self.environment), stdout=subprocess.PIPE, stderr=log
        )

    def _begun_afresh(self, command: Sequence[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        whole = [*self.under, *command]
        return subprocess.Popen(
            as_ordinary_user(whole) if self.is_ordinary else whole,
            cwd=CHECKOUT,
            env=evald_environment(self.environment),
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # a signal to the tests is not one to the server
        )

    def _ready_line(self, beginning: str) -> str:
        """Give the rest of the line that says that it is ready. RuntimeError with the log without it."""
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], READY_WITHIN_S)
        line = self.process.stdout.readline().decode() if readable else ""
        if not line.startswith(beginning):
            self.process.kill()
            raise RuntimeError(f"evald did not start: {line}{self.log()}")
        return line.removeprefix(beginning)

    def stop(self) -> int:
        """Send SIGTERM and give the exit status."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL and return when the process is gone."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        """Wait for the end of a server that was told to end, and give its exit status."""
        try:
            return self.process.wait(STOPPED_WITHIN_S)
        finally:
            self.process.kill()
            assert self.process.stdout is not None
            self.process.stdout.close()

    def restart(self) -> None:
        """Stop the server if it still runs, and start it on the same data and port."""
        if self.process.poll() is None:
            self.stop()
        self.ended()
        self.start()

    def log(self) -> str:
        """Give everything that the server logged."""
        return self.log_file.read_text(errors="replace")

    def with_key(self, key: str) -> Self:
        """Give the same server as a program with this key asks it."""
        other = copy.copy(self)
        other.headers = {"authorization": f"Bearer {key}"}
        return other

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make one request. `body` is sent as it is when it is bytes, else as JSON."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        named = {} if body is None else {"content-type": "application/json"}
        connection = HTTPConnection("127.0.0.1", self.port, timeout=ANSWERED_WITHIN_S)
        try:
            sent = {**named, **self.headers, **(headers or {})}
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            found: dict[str, str] = {}
            for name, value in answer.getheaders():  # one that comes twice is one list
                known = found.get(name.lower())
                found[name.lower()] = value if known is None else f"{known}, {value}"
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()


class FreshServer(EvaldServer):
    """A server that a new Python starts, imports and all."""

    def _begun(self, command: Sequence[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        return self._begun_afresh(command, log)


def evald_command(*arguments: str) -> list[str]:
    """Give the command line of `evald serve` with these arguments."""
    return [sys.executable, "-m", "evald", "serve", *arguments]


def evald_ended(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run another command of `evald` and give it when it has ended."""
    command = [sys.executable, "-m", "evald", *arguments]
    with TemporaryFile("w+") as said, TemporaryFile("w+") as log:
        process = Forked(command, env=evald_environment(environment or {}), stdout=said, stderr=log)
        try:
            status = process.wait(ENDED_WITHIN_S)
        finally:
            process.kill()
        said.seek(0)
        log.seek(0)
        return subprocess.CompletedProcess(command, status, said.read(), log.read())


def fresh_evald_ended(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Do the same with a new Python."""
    return subprocess.run(
        [sys.executable, "-m", "evald", *arguments],
        cwd=CHECKOUT,
        env=evald_environment(environment or {}),
        capture_output=True,
        text=True,
        timeout=ENDED_WITHIN_S,
        check=False,
    )


def evald_environment(added: Mapping[str, str]) -> dict[str, str]:
    """Give the environment of a server process: ours without what is meant for the tests alone."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "PYTHONHOME") and not name.startswith("EVALD_")
    }
    return {**kept, **added}
