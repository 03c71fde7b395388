"""The only place that joins settings, store, providers, dispatcher and app."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from starlette.types import ASGIApp

from evald import __version__
from evald.access.access import Access
from evald.access.cookie import SessionCookie
from evald.access.share_links import ShareLinks
from evald.api.app import build_app
from evald.api.envelope import Envelope
from evald.api.gate import Gate
from evald.api.hosts import (
    any_host,
    check_host,
    is_loopback,
    local_urls,
    origin_of,
    own_hosts,
    port_of,
    url_host,
)
from evald.api.services import Services
from evald.capture.expiring import expiring
from evald.capture.keep import Keeper
from evald.capture.kinds import COMPLETIONS, RESPONSES
from evald.clock import system_clock
from evald.contract.projects import DEFAULT_PROJECT
from evald.dashboard.errors_page import refused_page
from evald.dashboard.routes import pages_router
from evald.dashboard.server_facts import server_facts
from evald.dashboard.serving import FormTools, Pages
from evald.dashboard.zipped import Zipped
from evald.dispatch.grace import Grace, RunningDispatch
from evald.dispatch.in_process import InProcessDispatch
from evald.errors import CannotStart
from evald.indexing.indexing import indexing
from evald.reports.comparing import comparing
from evald.rules.cost import Price, Prices
from evald.rules.webhooks import Patience
from evald.runs.tools import Tools
from evald.sampling.configured import check_aliases, embedder_of, providers_of
from evald.sampling.connections import Connections, open_connections
from evald.sampling.loops import SERVER_NAME, refuse_loops
from evald.sampling.models import list_models
from evald.sampling.providers import Provider
from evald.sampling.relay import Relay
from evald.sampling.sampler import ProviderSampler
from evald.sampling.shares import sharing
from evald.sandbox.aside import ProcessAside
from evald.sandbox.backend import Limits
from evald.sandbox.python_sandboxes import PythonSandboxes
from evald.settings import Settings
from evald.store import files as file_store
from evald.store import idempotency_keys as key_store
from evald.store import leases
from evald.store import webhook_endpoints as endpoint_store
from evald.store.database import Database, Pools, open_database
from evald.store.lock import in_use, sole_user
from evald.store.migrate import check_file, migrate, refusing_broken
from evald.store.place import Place, make_data_dir, place_of
from evald.store.turns import number_of_webhook
from evald.watching.watches import Watches
from evald.webhooks.configured import configured_endpoints, configured_secrets
from evald.webhooks.connecting import open_webhook_connections
from evald.webhooks.deliveries import Deliveries, delivering
from evald.webhooks.sending import Sender

log = structlog.get_logger()


@asynccontextmanager
async def running_app(
    settings: Settings, port: int, leaving: asyncio.Event, hurry: asyncio.Event
) -> AsyncIterator[ASGIApp]:
    """Give the application with everything behind it running, and stop it cleanly afterwards.

    `port` is the one that is bound. `leaving`, once set, ends the streams of events, and `hurry` has
    calls in flight cut off at the end. Raises CannotStart.
    """
    make_data_dir(settings.data_dir)
    place = place_of(settings)
    async with sole_user(place), _opened(place) as database:
        access = Access(database, system_clock, time.monotonic)
        with refusing_broken():
            if not database.is_shared:  # what an earlier process held is nobody's now
                await database.write(leases.forget_all)
            has_key = await access.has_key()
        check_host(settings.host, has_key=has_key)
        public_url = settings.public_url or f"http://{url_host(settings.host)}:{port}"
        public_url = public_url.rstrip("/")
        async with (
            in_use(place, [number_of_webhook(name) for name in settings.webhooks]),
            open_connections() as connections,
            expiring(settings.keep_captured_days, database, system_clock),
            indexing(database),
            _delivering(settings, database) as webhooks,
            _aside() as bodies_aside,
            _aside() as sources_aside,
            comparing(database) as comparisons,
            _working(
                settings, database, connections, webhooks, [*local_urls(port), public_url], hurry
            ) as work,
        ):
            services = Services(
                work.tools,
                work.dispatch,
                Relay(work.providers, connections, work.sampler.limiters, settings.aliases),
                Keeper(COMPLETIONS, database, system_clock),
                Keeper(RESPONSES, database, system_clock),
                lambda: list_models(work.providers, settings.aliases, connections.kept),
                public_url,
                bodies_aside,
                sources_aside,
                webhooks,
                Watches(work.tools, leaving),
                comparisons,
                settings.schema_strict,
            )
            yield _app(settings, services, access, public_url, port)


@asynccontextmanager
async def running_worker(settings: Settings, hurry: asyncio.Event) -> AsyncIterator[None]:
    """Carry out chunks beside the servers of a database, until the end. Raises CannotStart."""
    place = place_of(settings)
    if place.file is not None:
        raise CannotStart(
            "A worker needs the Postgres of its servers: set EVALD_DATABASE_URL to that of theirs. "
            "With SQLite 'evald serve' carries out all runs itself."
        )
    own = [] if settings.public_url is None else [settings.public_url.rstrip("/")]
    async with (
        _opened(place, Pools(readers=2, writers=4)) as database,
        in_use(place),
        open_connections() as connections,
        _working(settings, database, connections, None, own, hurry),
    ):
        yield


@asynccontextmanager
async def _opened(place: Place, pools: Pools = Pools()) -> AsyncIterator[Database]:  # noqa: B008  (a value)
    if place.file is not None:
        check_file(place.file)
    database = open_database(place.url, pools)
    try:
        await migrate(database)
        yield database
    finally:
        await database.close()


@dataclass(frozen=True)
class _Work:
    """What carries out runs, in a server and in a worker."""

    tools: Tools
    dispatch: RunningDispatch
    providers: list[Provider]
    sampler: ProviderSampler


@asynccontextmanager
async def _working(
    settings: Settings,
    database: Database,
    connections: Connections,
    webhooks: Deliveries | None,
    own_urls: list[str],
    hurry: asyncio.Event,
) -> AsyncIterator[_Work]:
    """Carry out runs. Raises CannotStart."""
    providers = providers_of(settings)
    await refuse_loops(providers, connections.kept, own_urls)
    sandboxes = PythonSandboxes(
        hidden=hidden_from_programs(settings), limits=Limits(seconds=settings.python_timeout)
    )
    check_aliases(settings, providers)
    sampler = ProviderSampler(providers, connections, settings.aliases)
    async with _aside() as aside, _shared(database, providers, sampler) as listeners:
        tools = Tools(
            database=database,
            sampler=sampler,
            embed=embedder_of(settings, providers, sampler, connections),
            aside=aside,
            clock=system_clock,
            # No more: a row that ends hands its place to the next one without a turn of the loop.
            rows_at_once=max((each.max_concurrency for each in providers), default=1),
            max_error_rate=settings.max_error_rate,
            sandboxes=sandboxes,
            after_end=(lambda: None) if webhooks is None else webhooks.wake,
        )
        with refusing_broken():
            await database.write(file_store.drop_broken_uploads)
            await database.write(
                lambda connection: file_store.expire_files(connection, tools.clock())
            )
            await database.write(
                lambda connection: key_store.expire_keys(connection, tools.clock())
            )
            if webhooks is not None:
                listeners.append(webhooks.hear)
            dispatch = await _begun(settings, tools, listeners)
        try:
            sandboxes.begin()
            yield _Work(tools, dispatch, providers, sampler)
        finally:
            await dispatch.close(Grace(settings.drain_seconds, hurry))
            await sandboxes.close()


@asynccontextmanager
async def _shared(
    database: Database, providers: list[Provider], sampler: ProviderSampler
) -> AsyncIterator[list[Callable[[str], None]]]:
    """Share the limits of providers with others on this database; give who listens to them for that."""
    if not database.is_shared:
        yield []
        return
    async with sharing(database, providers, sampler.limiters) as shares:
        yield [shares.look_again]


@asynccontextmanager
async def _aside() -> AsyncIterator[ProcessAside]:
    aside = ProcessAside()
    try:
        yield aside
    finally:
        await aside.close()


async def _begun(
    settings: Settings, tools: Tools, listeners: Sequence[Callable[[str], None]]
) -> RunningDispatch:
    """Give what carries out the runs of this database, at work already.

    `listeners` hear the notices of other processes, where there are any.
    """
    place = place_of(settings)
    if place.file is not None:
        in_process = InProcessDispatch(tools, settings.runs_at_once)
        if resumed := await in_process.resume():
            log.info("taking up unfinished runs", runs=resumed)
        return in_process
    # Only here: it loads the queue, which SQLite has no use for.
    from evald.dispatch.queue import QueueDispatch

    return await QueueDispatch.begun(tools, place.url, settings.worker_concurrency, listeners)


def _app(
    settings: Settings, services: Services, access: Access, public_url: str, port: int
) -> ASGIApp:
    # Browsers tell the servers of one machine apart by their ports, but not their cookies.
    name = f"evald_session_{port_of(public_url)}"
    cookie = SessionCookie(name, secure=public_url.startswith("https:"))
    facts = server_facts(
        settings,
        version=__version__,
        public_url=public_url,
        database="Postgres" if services.database.is_shared else "SQLite",
    )
    pages = Pages(
        services.tools,
        services.dispatch,
        services.comparisons,
        public_url,
        access,
        cookie,
        services.watches,
        prices_of(settings),
        FormTools(services.list_models, services.bodies_aside, services.sources_aside),
        ShareLinks(services.database, system_clock),
        is_local=is_loopback(urlsplit(public_url).hostname or ""),
        facts=facts,
    )
    app = build_app(services, pages_router(pages))
    # Elsewhere than on loopback there are keys, and no name that a browser is lured to has one.
    is_own = own_hosts(public_url, port) if is_loopback(settings.host) else any_host
    return Envelope(
        Gate(Zipped(app), access, cookie),
        is_own,
        f"{SERVER_NAME}/{__version__}",
        refused_page,
        origin_of(public_url),
    )


def prices_of(settings: Settings) -> Prices:
    """Give what models cost, as the settings say."""
    by_pattern = [
        (pattern, Price(each.input, each.cached_input, each.output))
        for pattern, each in settings.prices.items()
    ]
    return Prices(settings.currency if by_pattern else "", by_pattern)


def hidden_from_programs(settings: Settings) -> list[Path]:
    """Give the files and folders that no program of a python grader may find on its machine."""
    file = place_of(settings).file
    ends = ("", "-wal", "-shm")
    beside = [] if file is None else [Path(f"{file.absolute()}{end}") for end in ends]
    config = [] if settings.config is None else [settings.config.absolute()]
    return [settings.data_dir.absolute(), *beside, *config]


@asynccontextmanager
async def _delivering(settings: Settings, database: Database) -> AsyncIterator[Deliveries]:
    """Deliver webhooks, to the endpoints of the config file as it is now and to the others."""
    secrets = configured_secrets(settings.webhooks)
    now = int(system_clock())
    endpoints = configured_endpoints(settings.webhooks, secrets, DEFAULT_PROJECT, now)
    with refusing_broken():
        await database.write(
            lambda connection: endpoint_store.keep_configured(connection, endpoints, now)
        )
    patience = Patience(
        first=settings.webhook_first_retry, give_up_after=settings.webhook_give_up_after
    )
    private = settings.webhook_private_addresses
    async with open_webhook_connections(private=private) as connections:
        sender = Sender(connections, secrets, settings.webhook_timeout)
        deliveries = Deliveries(database, sender, patience, system_clock)
        async with delivering(deliveries):
            yield deliveries
