"""The processes that are hurt, and all of them together with the Postgres between them."""

import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import make_url

from tests.on_postgres.wire import Wire
from tests.postgres import PostgresServer
from tests.server import EvaldServer, FreshServer

PLACES = 64
"""Calls of models that one process has in flight at most."""


class EvaldWorker(FreshServer):
    """An `evald worker`, which carries chunks out and answers no requests."""

    def start(self) -> None:
        """Start, and return when it takes chunks. RuntimeError with the log when it ends instead."""
        self.begin()
        self._ready_line("evald worker is ready")

    def command(self) -> list[str]:
        """Give the command line of the process."""
        return [sys.executable, "-m", "evald", "worker", "--concurrency", str(PLACES)]


@dataclass
class Machine:
    """One process with its wire to Postgres; None on SQLite. A blow takes it until it is whole again."""

    name: str
    process: EvaldServer
    wire: Wire | None
    is_whole: bool = True

    @property
    def answers(self) -> bool:
        """Say whether it takes requests."""
        return not isinstance(self.process, EvaldWorker)

    def pause(self) -> None:
        """Stop the process and what it has begun, as a machine that sleeps."""
        os.killpg(self.process.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on."""
        os.killpg(self.process.process.pid, signal.SIGCONT)


@dataclass(frozen=True)
class Size:
    """How many processes there are; no servers and workers are one process over SQLite."""

    servers: int = 0
    workers: int = 0

    @property
    def is_one_process(self) -> bool:
        """Say whether it is one server over SQLite."""
        return self.servers + self.workers == 0


class Cluster:
    """Servers and workers while the `with` lasts. Each asks models with its name as the key."""

    postgres: PostgresServer | None = None

    def __init__(
        self,
        folder: Path,
        size: Size,
        models_url: str,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Keep everything in `folder`; nothing is started yet."""
        self.machines: list[Machine] = []
        self._folder = folder
        self._size = size
        self._environment = {
            "EVALD_UPSTREAM_BASE_URL": models_url,
            "EVALD_PUBLIC_URL": "http://evald.example",  # every server gives a run the same report_url
            **(environment or {}),
        }
        self._blows = threading.Condition()

    @property
    def servers(self) -> list[EvaldServer]:
        """The processes that take requests."""
        return [machine.process for machine in self.machines if machine.answers]

    def __enter__(self) -> Self:
        """Start everything; return when all are ready."""
        try:
            self._lay_out()
            with ThreadPoolExecutor(len(self.machines)) as pool:
                # The first one makes the tables.
                self.machines[0].process.start()
                list(pool.map(lambda machine: machine.process.start(), self.machines[1:]))
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End everything, in whatever state it is."""
        self._end()

    def _lay_out(self) -> None:
        if self._size.is_one_process:
            self._add(FreshServer, "server-1", None)
            return
        self.postgres = PostgresServer()
        self.postgres.start()
        url = self.postgres.new_database()
        for number in range(self._size.servers):
            self._add(FreshServer, f"server-{number + 1}", url)
        for number in range(self._size.workers):
            self._add(EvaldWorker, f"worker-{number + 1}", url)

    def _add(self, kind: type[EvaldServer], name: str, url: str | None) -> None:
        folder = self._folder / name
        folder.mkdir()
        environment = {**self._environment, "EVALD_UPSTREAM_API_KEY": name}
        wire = None
        if url is not None and self.postgres is not None:
            wire = Wire(self.postgres.port).__enter__()
            through = make_url(url).set(port=wire.port)
            environment["EVALD_DATABASE_URL"] = through.render_as_string(hide_password=False)
            environment["EVALD_DATA_DIR"] = str(folder / "data")
        self.machines.append(Machine(name, kind(folder, environment=environment), wire))

    def _end(self) -> None:
        for machine in self.machines:
            if hasattr(machine.process, "process"):
                machine.process.kill()
            if machine.wire is not None:
                machine.wire.__exit__(None, None, None)
        if self.postgres is not None:
            self.postgres.remove()

    def take(self, which: float) -> Machine:
        """Give one of the machines that are whole, by a number from 0 to 1; it is not whole any more.

        Waits while there is none.
        """
        with self._blows:
            self._blows.wait_for(self._whole)
            whole = self._whole()
            machine = whole[min(int(which * len(whole)), len(whole) - 1)]
            machine.is_whole = False
            return machine

    def give_back(self, machine: Machine) -> None:
        """Note that a machine is whole again."""
        with self._blows:
            machine.is_whole = True
            self._blows.notify_all()

    def all_whole(self) -> None:
        """Return when all machines are whole."""
        with self._blows:
            self._blows.wait_for(lambda: len(self._whole()) == len(self.machines))

    def _whole(self) -> list[Machine]:
        return [machine for machine in self.machines if machine.is_whole]

    def logs(self) -> Sequence[tuple[str, str]]:
        """Give what each machine has logged, by its name."""
        return [(machine.name, machine.process.log()) for machine in self.machines]
