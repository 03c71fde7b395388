"""The only place that joins settings, store, providers, dispatcher and app."""

import ipaddress
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from starlette.types import ASGIApp

from evald import __version__
from evald.access.access import Access
from evald.access.cookie import SessionCookie
from evald.api.app import build_app
from evald.api.envelope import Envelope
from evald.api.gate import Gate
from evald.api.services import Services
from evald.capture.expiring import expiring
from evald.capture.keep import Keeper
from evald.capture.kinds import COMPLETIONS, RESPONSES
from evald.clock import system_clock
from evald.contract.projects import DEFAULT_PROJECT
from evald.dashboard.routes import Pages, pages_router
from evald.dispatch.in_process import InProcessDispatch
from evald.errors import CannotStart
from evald.rules.retry import RetryPolicy
from evald.rules.webhooks import Patience
from evald.runs.tools import Tools
from evald.sampling.connections import Connections, open_connections
from evald.sampling.embeddings import ProviderEmbedder
from evald.sampling.loops import SERVER_NAME, refuse_loops
from evald.sampling.models import list_models
from evald.sampling.providers import Provider, Timeouts, provider_of, route_of
from evald.sampling.relay import Relay
from evald.sampling.sampler import ProviderSampler
from evald.sandbox.aside import ProcessAside
from evald.sandbox.backend import Limits
from evald.sandbox.python_sandboxes import PythonSandboxes
from evald.settings import UPSTREAM, ProviderSettings, Settings
from evald.store import files as file_store
from evald.store import idempotency_keys as key_store
from evald.store import leases
from evald.store import webhook_endpoints as endpoint_store
from evald.store.database import Database, open_database
from evald.store.lock import in_use, sole_user
from evald.store.migrate import check_file, migrate, refusing_broken
from evald.store.place import make_data_dir, place_of
from evald.store.turns import number_of_webhook
from evald.webhooks.configured import configured_endpoints, configured_secrets
from evald.webhooks.connecting import open_webhook_connections
from evald.webhooks.deliveries import Deliveries, delivering
from evald.webhooks.sending import Sender

log = structlog.get_logger()


@asynccontextmanager
async def running_app(settings: Settings, port: int) -> AsyncIterator[ASGIApp]:
    """Give the application with everything behind it running, and stop it cleanly afterwards.

    `port` is the one that is bound. Raises CannotStart.
    """
    make_data_dir(settings.data_dir)
    place = place_of(settings)
    async with sole_user(place):
        if place.file is not None:
            check_file(place.file)
        database = open_database(place.url)
        try:
            await migrate(database)
            access = Access(database, system_clock, time.monotonic)
            with refusing_broken():
                if not database.is_shared:  # what an earlier process held is nobody's now
                    await database.write(leases.forget_all)
                has_key = await access.has_key()
            check_host(settings.host, has_key=has_key)
            async with (
                in_use(place, [number_of_webhook(name) for name in settings.webhooks]),
                open_connections() as connections,
                expiring(settings.keep_captured_days, database, system_clock),
                _delivering(settings, database) as webhooks,
                _dispatching(settings, database, access, connections, webhooks, port) as app,
            ):
                yield app
        finally:
            await database.close()


@asynccontextmanager
async def _dispatching(
    settings: Settings,
    database: Database,
    access: Access,
    connections: Connections,
    webhooks: Deliveries,
    port: int,
) -> AsyncIterator[ASGIApp]:
    providers = providers_of(settings)
    public_url = (settings.public_url or f"http://{_url_host(settings.host)}:{port}").rstrip("/")
    await refuse_loops(providers, connections.kept, [*_local_urls(port), public_url])
    aside, bodies_aside, sources_aside = ProcessAside(), ProcessAside(), ProcessAside()
    sandboxes = PythonSandboxes(
        hidden=hidden_from_programs(settings), limits=Limits(seconds=settings.python_timeout)
    )
    check_aliases(settings, providers)
    sampler = ProviderSampler(providers, connections, settings.aliases)
    tools = Tools(
        database=database,
        sampler=sampler,
        embed=_embedder(settings, providers, sampler, connections),
        aside=aside,
        clock=system_clock,
        # No more: a row that ends hands its place to the next one without a turn of the loop between.
        rows_at_once=max((each.max_concurrency for each in providers), default=1),
        max_error_rate=settings.max_error_rate,
        sandboxes=sandboxes,
        after_end=webhooks.wake,
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
        Relay(providers, connections, sampler.limiters, settings.aliases),
        Keeper(COMPLETIONS, database, tools.clock),
        Keeper(RESPONSES, database, tools.clock),
        lambda: list_models(providers, settings.aliases, connections.kept),
        public_url,
        bodies_aside,
        sources_aside,
        webhooks,
        settings.schema_strict,
    )
    try:
        sandboxes.begin()
        # Browsers tell the servers of one machine apart by their ports, but not their cookies.
        name = f"evald_session_{_port_of(public_url)}"
        cookie = SessionCookie(name, secure=public_url.startswith("https:"))
        app = build_app(services, pages_router(Pages(tools, dispatch, public_url, access, cookie)))
        # Elsewhere than on loopback there are keys, and no name that a browser is lured to has one.
        is_own = own_hosts(public_url, port) if is_loopback(settings.host) else _any_host
        yield Envelope(Gate(app, access, cookie), is_own, f"{SERVER_NAME}/{__version__}")
    finally:
        await dispatch.close()
        await sandboxes.close()
        await aside.close()
        await bodies_aside.close()
        await sources_aside.close()


def hidden_from_programs(settings: Settings) -> list[Path]:
    """Give the files and folders that no program of a python grader may find on its machine."""
    file = place_of(settings).file
    ends = ("", "-wal", "-shm")
    beside = [] if file is None else [Path(f"{file.absolute()}{end}") for end in ends]
    config = [] if settings.config is None else [settings.config.absolute()]
    return [settings.data_dir.absolute(), *beside, *config]


def check_aliases(settings: Settings, providers: Sequence[Provider]) -> None:
    """Check that each alias stands for a model that a provider serves. Raises CannotStart."""
    for name, target in settings.aliases.items():
        if provider_of(target, providers) is None:
            raise CannotStart(
                f"The alias '{name}' stands for '{target}', and no provider serves that. Add the name "
                "to the models of one in the config file, or set EVALD_UPSTREAM_BASE_URL."
            )


def _embedder(
    settings: Settings,
    providers: Sequence[Provider],
    sampler: ProviderSampler,
    connections: Connections,
) -> ProviderEmbedder | None:
    """Give the embedder of the model that is set. Raises CannotStart when no provider serves it."""
    model = settings.embeddings_model
    if model is None:
        return None
    route = route_of(model, providers, settings.aliases)
    if route is None:
        raise CannotStart(
            f"EVALD_EMBEDDINGS_MODEL is '{model}', and no provider serves it. Add the name to the "
            "models of one in the config file, or set EVALD_UPSTREAM_BASE_URL."
        )
    return ProviderEmbedder(route.model, route.provider, connections, sampler.limiters)


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
        api_key=settings.api_key(name),
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


def check_host(host: str, *, has_key: bool) -> None:
    """Refuse to be reached from other machines without a key in force. Raises CannotStart."""
    if not has_key and not is_loopback(host):
        raise CannotStart(
            f"Other machines reach '{host}', and without a key whoever reaches evald could read what "
            "is in it and spend your tokens. Make a key for the same database with 'evald keys "
            "create', or use --host 127.0.0.1."
        )


def is_loopback(host: str) -> bool:
    """Say whether a host that is listened on, or asked for, is this machine alone."""
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
        is_local = is_loopback(name) and given_port in ("", str(port))
        return is_local or host.removesuffix(default_port) == public_host

    return is_own


def _port_of(url: str) -> int:
    """Give the port at which browsers find a server; servers behind one URL have the same."""
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def _any_host(_: str) -> bool:
    return True


def _has_port(host: str) -> bool:
    return ":" in host.rpartition("]")[2]


def _local_urls(port: int) -> list[str]:
    return [f"http://{host}:{port}" for host in ("127.0.0.1", "localhost", "[::1]")]


def _url_host(host: str) -> str:
    return f"[{host.strip('[]')}]" if ":" in host else host
