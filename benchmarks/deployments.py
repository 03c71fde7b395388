"""evald as it is deployed: one process, or a server with workers on one Postgres."""

import os
import select
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.evald_server import (
    COMMAND,
    STOPPED_WITHIN_S,
    EvaldServer,
    evald_environment,
)
from benchmarks.processes import cpu_seconds
from tests.postgres import PostgresServer

WORKER_READY = b"evald worker is ready"
READY_WITHIN_S = 60


@dataclass(frozen=True)
class Way:
    """Which processes there are."""

    name: str
    is_on_postgres: bool = True
    workers: int = 0
    """Without any the server carries out the runs itself."""


SQLITE = Way("serve, SQLite", is_on_postgres=False)
POSTGRES = Way("serve, Postgres")
WORKERS = [Way(f"serve + {n} worker{'s' * (n > 1)}", workers=n) for n in (1, 2, 4)]
WAYS = [SQLITE, POSTGRES, *WORKERS]


@dataclass(frozen=True)
class Deployment:
    """evald's processes at work."""

    server: EvaldServer
    workers: list[int]
    """The process ids."""
    postgres: PostgresServer | None

    def cpu_seconds(self) -> float:
        """Give the CPU seconds that evald's processes have used."""
        return sum(cpu_seconds(pid) for pid in (self.server.process.pid, *self.workers))

    def database_cpu_seconds(self) -> float:
        """Give those of Postgres; what SQLite needs is in evald's."""
        return cpu_seconds(self.postgres.process.pid) if self.postgres else 0.0


@contextmanager
def deployed(
    way: Way, model_url: str, postgres: PostgresServer, in_flight: int
) -> Iterator[Deployment]:
    """Have evald's processes on an empty database. The model gets so many calls at once."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="evald-benchmark-")))
        settings = {"EVALD_CONFIG": str(config(folder, model_url, in_flight))}
        if way.is_on_postgres:
            settings["EVALD_DATABASE_URL"] = postgres.new_database()
        alone = {"EVALD_WORKER_CONCURRENCY": "0"} if way.workers else {}
        server = stack.enter_context(EvaldServer(model_url, settings | alone))
        workers = [
            stack.enter_context(working(folder / f"worker-{n}.log", model_url, settings))
            for n in range(way.workers)
        ]
        yield Deployment(server, workers, postgres if way.is_on_postgres else None)


def config(folder: Path, model_url: str, in_flight: int) -> Path:
    """Write the file that says how many calls the model server gets at once."""
    file = folder / "evald.toml"
    provider = f'base_url = "{model_url}"\nmodels = ["*"]\nmax_concurrency = {in_flight}\n'
    file.write_text(f"[providers.benchmark]\n{provider}")
    return file


@contextmanager
def working(log: Path, model_url: str, settings: dict[str, str]) -> Iterator[int]:
    """Have a worker that takes chunks, and give its process id."""
    with log.open("wb") as errors:
        worker = subprocess.Popen(
            [COMMAND, "worker"],
            env=evald_environment(model_url, settings),
            cwd=log.parent,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    try:
        assert worker.stdout is not None
        readable, _, _ = select.select([worker.stdout], [], [], READY_WITHIN_S)
        if not (readable and os.read(worker.stdout.fileno(), 4096).startswith(WORKER_READY)):
            raise RuntimeError(f"the worker did not start; it says:\n{log.read_text()}")
        yield worker.pid
    finally:
        worker.terminate()
        try:
            worker.communicate(timeout=STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.communicate()
