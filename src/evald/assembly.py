"""The only place that joins settings, store, providers, dispatcher and app."""

import fcntl
import ipaddress
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError
from starlette.types import ASGIApp

from evald import __version__
from evald.api.app import build_app
from evald.api.envelope import Envelope
from evald.api.services import Services
from evald.capture.keep import Keeper
from evald.capture.kinds import COMPLETIONS, RESPONSES
from evald.clock import system_clock
from evald.dashboard.routes import Pages, pages_router
from evald.dispatch.in_process import InProcessDispatch
from evald.errors import CannotStart
from evald.rules.retry import RetryPolicy
from evald.runs.tools import Tools
from evald.sampling.connections import Connections, open_connections
from evald.sampling.loops import SERVER_NAME, refuse_loops
from evald.sampling.models import list_models
from evald.sampling.providers import Provider, Timeouts
from evald.sampling.relay import Relay
from evald.sampling.sampler import ProviderSampler
from evald.sandbox.aside import ProcessAside
from evald.settings import UPSTREAM, ProviderSettings, Settings
from evald.store import files as file_store
from evald.store import idempotency_keys as key_store
from evald.store.database import Database, open_database
from evald.store.migrate import check_file, migrate, refusing_broken

log = structlog.get_logger()


@asynccontextmanager
async def running_app(settings: Settings, port: int) -> AsyncIterator[ASGIApp]:
    """Give the application with everything behind it running, and stop it cleanly afterwards.

    `port` is the one that is bound. Raises CannotStart.
    """
    _make(settings.data_dir)
    url = database_url(settings)
    file = make_url(url).database or ""
    with _sole_user(file):
        check_file(file)
        database = open_database(url)
        try:
            await migrate(database)
            async with (
                open_connections() as connections,
                _dispatching(settings, database, connections, port) as app,
            ):
                yield app
        finally:
            await database.close()


@asynccontextmanager
async def _dispatching(
    settings: Settings, database: Database, connections: Connections, port: int
) -> AsyncIterator[ASGIApp]:
    providers = providers_of(settings)
    public_url = (settings.public_url or f"http://{_url_host(settings.host)}:{port}").rstrip("/")
    await refuse_loops(providers, connections.kept, [*_local_urls(port), public_url])
    aside, bodies_aside = ProcessAside(), ProcessAside()
    sampler = ProviderSampler(providers, connections)
    tools = Tools(
        database=database,
        sampler=sampler,
        aside=aside,
        clock=system_clock,
        # No more: a row that ends hands its place to the next one without a turn of the loop between.
        rows_at_once=max((each.max_concurrency for each in providers), default=1),
        max_error_rate=settings.max_error_rate,
    )
    dispatch = InProcessDispatch(tools, settings.runs_at_once)
    with refusing_broken():
        await database.write(file_store.drop_broken_uploads)
        await database.write(lambda connection: file_store.expire_files(connection, tools.clock()))
        await database.write(lambda connection: key_store.expire_keys(connection, tools.clock()))
        resumed = await dispatch.resume()
    if resumed:
        log.info("taking up unfinished runs", runs=resumed)
    services = Services(
        tools,
        dispatch,
        Relay(providers, connections, sampler.limiters),
        Keeper(COMPLETIONS, database, tools.clock),
        Keeper(RESPONSES, database, tools.clock),
        lambda: list_models(providers, connections.kept),
        public_url,
        bodies_aside,
        settings.schema_strict,
    )
    try:
        app = build_app(services, pages_router(Pages(tools, dispatch, public_url)))
        yield Envelope(app, own_hosts(public_url, port), f"{SERVER_NAME}/{__version__}")
    finally:
        await dispatch.close()
        await aside.close()
        await bodies_aside.close()


def database_url(settings: Settings) -> str:
    """Give the URL of the database: the one that is set, or SQLite in the data directory."""
    if settings.database_url is None:
        path = settings.data_dir.absolute() / "evald.db"
        # A name may hold what means something in a URL.
        url = URL.create("sqlite+aiosqlite", database=str(path))
        return url.render_as_string(hide_password=False)
    given = settings.database_url.get_secret_value()
    try:
        url = make_url(given)
    except (ArgumentError, ValueError):  # their messages may hold the password
        raise CannotStart("EVALD_DATABASE_URL is no URL of a database.") from None
    if url.drivername != "sqlite+aiosqlite" or not _names_a_file(url):
        raise CannotStart(
            "This version of evald keeps its data in a file of SQLite; leave EVALD_DATABASE_URL "
            "unset, or write it as sqlite+aiosqlite:////var/lib/evald/evald.db."
        )
    return given


def _names_a_file(url: URL) -> bool:
    path = url.database or ":memory:"
    return path != ":memory:" and not (url.host or url.username or url.port or url.query)


def providers_of(settings: Settings) -> list[Provider]:
    """Give the providers of the config file, then the one of the two upstream variables."""
    providers = [_provider(name, each) for name, each in settings.providers.items()]
    if settings.upstream_base_url is not None:
        key = settings.upstream_api_key
        providers.append(
            Provider(
                name=UPSTREAM,
                base_url=settings.upstream_base_url.rstrip("/"),
                api_key=key.get_secret_value() if key else None,
            )
        )
    return providers


def _provider(name: str, settings: ProviderSettings) -> Provider:
    return Provider(
        name=name,
        base_url=settings.base_url,
        api_key=settings.api_key(),
        models=tuple(settings.models),
        max_concurrency=settings.max_concurrency,
        timeouts=Timeouts(
            settings.connect_timeout, settings.first_byte_timeout, settings.total_timeout
        ),
        retries=RetryPolicy(attempts=settings.max_attempts),
        stream=settings.stream,
        token_limit_name=settings.token_limit_name,
        developer_role=settings.developer_role,
        api=settings.api,
    )


def check_host(host: str) -> None:
    """Refuse to be reached from other machines while there are no keys. Raises CannotStart."""
    if not _is_loopback(host):
        raise CannotStart(
            f"evald has no keys yet, so whoever reaches it may use it and spend your tokens. It "
            f"listens on loopback only, not on '{host}'. Use --host 127.0.0.1, and a proxy that "
            "checks who asks if other machines must reach it."
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def own_hosts(public_url: str, port: int) -> Callable[[str], bool]:
    """Give a function that says whether a `Host` header names this server."""
    public = urlsplit(public_url)
    default_port = ":443" if public.scheme == "https" else ":80"
    # Browsers send names in small letters, and leave out the default port where others do not.
    public_host = public.netloc.rpartition("@")[2].lower().removesuffix(default_port)

    def is_own(host: str) -> bool:
        host = host.lower()
        name, _, given_port = host.rpartition(":") if _has_port(host) else (host, "", "")
        is_local = _is_loopback(name) and given_port in ("", str(port))
        return is_local or host.removesuffix(default_port) == public_host

    return is_own


def _has_port(host: str) -> bool:
    return ":" in host.rpartition("]")[2]


def _local_urls(port: int) -> list[str]:
    return [f"http://{host}:{port}" for host in ("127.0.0.1", "localhost", "[::1]")]


def _url_host(host: str) -> str:
    return f"[{host.strip('[]')}]" if ":" in host else host


@contextmanager
def _sole_user(file: str) -> Iterator[None]:
    """Hold the database: two servers on one SQLite file would both carry out its runs."""
    # A symbolic link is another name of the same file.
    lock = f"{os.path.realpath(file)}.lock"
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CannotStart(
            f"The database {file} cannot be locked: {lock}: {error.strerror}. Give evald a "
            "directory that it may write to with --data-dir, or another EVALD_DATABASE_URL."
        ) from None
    try:
        _lock(descriptor, file)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, file: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CannotStart(
            f"Another evald uses the database {file}. Stop it, or give this one a directory of its "
            "own with --data-dir."
        ) from None
    except OSError as error:
        raise CannotStart(f"The database {file} cannot be locked: {error.strerror}.") from None


def _make(data_dir: Path) -> None:
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # no path at all: it holds a NUL
        raise CannotStart(f"The data directory cannot be made: {error}.") from None
