"""The providers, aliases and the embedder that the settings name."""

from collections.abc import Sequence

from evald.errors import CannotStart
from evald.rules.retry import RetryPolicy
from evald.sampling.connections import Connections
from evald.sampling.embeddings import ProviderEmbedder
from evald.sampling.providers import Provider, Timeouts, provider_of, route_of
from evald.sampling.sampler import ProviderSampler
from evald.settings import UPSTREAM, ProviderSettings, Settings


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
        requests_per_minute=settings.requests_per_minute,
        timeouts=Timeouts(
            settings.connect_timeout, settings.first_byte_timeout, settings.total_timeout
        ),
        retries=RetryPolicy(attempts=settings.max_attempts),
        stream=settings.stream,
        token_limit_name=settings.token_limit_name,
        developer_role=settings.developer_role,
        api=settings.api,
    )


def check_aliases(settings: Settings, providers: Sequence[Provider]) -> None:
    """Check that each alias stands for a model that a provider serves. Raises CannotStart."""
    for name, target in settings.aliases.items():
        if provider_of(target, providers) is None:
            raise CannotStart(
                f"The alias '{name}' stands for '{target}', and no provider serves that. Add the name "
                "to the models of one in the config file, or set EVALD_UPSTREAM_BASE_URL."
            )


def embedder_of(
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
