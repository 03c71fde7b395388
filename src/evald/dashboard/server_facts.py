"""What the pages tell of the server itself. No key, no secret and no password is in any of it."""

from dataclasses import dataclass

from evald.settings import UPSTREAM, ProviderSettings, Settings


@dataclass(frozen=True)
class ProviderFacts:
    """One endpoint that models are asked at."""

    name: str
    base_url: str
    models: tuple[str, ...]
    """Patterns of the names that it serves."""
    key_variable: str | None
    """The name of the environment variable of its key, or None where it is asked without one."""
    key_is_set: bool
    api: str
    max_concurrency: int
    requests_per_minute: float | None


@dataclass(frozen=True)
class ServerFacts:
    """How this server is set up. Times are in seconds."""

    version: str
    public_url: str
    database: str
    """`SQLite` or `Postgres`."""
    config_is_read: bool
    """Whether there is a config file."""
    providers: tuple[ProviderFacts, ...]
    aliases: tuple[tuple[str, str], ...]
    """Names of models, each with that of the model that is asked in its place."""
    embeddings_model: str | None
    max_error_rate: float
    runs_at_once: int
    worker_concurrency: int
    python_timeout: float
    keep_captured_days: int | None
    drain_seconds: float

    @property
    def a_model(self) -> str | None:
        """Give the name of a model that can be asked, or None where the settings name none."""
        names = [name for name, _ in self.aliases]
        names += [model for provider in self.providers for model in provider.models]
        return next((name for name in names if not set(name) & set("*?[")), None)


def server_facts(
    settings: Settings, *, version: str, public_url: str, database: str
) -> ServerFacts:
    """Give what the pages tell of a server with these settings."""
    providers = [_provider(name, each) for name, each in settings.providers.items()]
    if settings.upstream_base_url is not None:
        providers.append(_upstream(settings.upstream_base_url, settings))
    return ServerFacts(
        version=version,
        public_url=public_url,
        database=database,
        config_is_read=settings.config is not None,
        providers=tuple(providers),
        aliases=tuple(settings.aliases.items()),
        embeddings_model=settings.embeddings_model,
        max_error_rate=settings.max_error_rate,
        runs_at_once=settings.runs_at_once,
        worker_concurrency=settings.worker_concurrency,
        python_timeout=settings.python_timeout,
        keep_captured_days=settings.keep_captured_days,
        drain_seconds=settings.drain_seconds,
    )


def _provider(name: str, settings: ProviderSettings) -> ProviderFacts:
    return ProviderFacts(
        name=name,
        base_url=settings.base_url,
        models=tuple(settings.models),
        key_variable=settings.api_key_env,
        # Without its key the server would not have started.
        key_is_set=settings.api_key_env is not None,
        api=settings.api,
        max_concurrency=settings.max_concurrency,
        requests_per_minute=settings.requests_per_minute,
    )


def _upstream(base_url: str, settings: Settings) -> ProviderFacts:
    """Give the provider of the two upstream variables."""
    defaults = ProviderSettings(base_url=base_url)
    return ProviderFacts(
        name=UPSTREAM,
        base_url=defaults.base_url,
        models=tuple(defaults.models),
        key_variable="EVALD_UPSTREAM_API_KEY",
        key_is_set=settings.upstream_api_key is not None,
        api=defaults.api,
        max_concurrency=defaults.max_concurrency,
        requests_per_minute=defaults.requests_per_minute,
    )
