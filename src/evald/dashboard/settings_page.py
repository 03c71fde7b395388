"""The page of settings: providers, keys, webhooks and the server. It shows no secret."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from evald.contract.projects import ApiKey
from evald.contract.webhooks import WebhookEndpoint
from evald.dashboard.figures import duration, percent
from evald.dashboard.frame import Frame
from evald.dashboard.rendering import render
from evald.dashboard.server_facts import ProviderFacts, ServerFacts
from evald.dashboard.texts import clip
from evald.sandbox.interface import Isolation

_NAME_LIMIT: Final = 120
_URL_LIMIT: Final = 200
_MOST_MODELS: Final = 12
_MOST_ALIASES: Final = 100
_MOST_KEYS: Final = 100


@dataclass(frozen=True)
class ProjectFacts:
    """What belongs to the project of the reader."""

    keys: Sequence[ApiKey] = ()
    """The newest first."""
    webhooks: Sequence[WebhookEndpoint] = ()
    are_all_webhooks: bool = True


@dataclass(frozen=True)
class ProviderRow:
    """One provider in the list."""

    name: str
    url: str
    models: tuple[str, ...]
    hidden_models: int
    key_variable: str | None
    key_is_set: bool
    limits: str
    api: str


@dataclass(frozen=True)
class WebhookRow:
    """One webhook endpoint in the list."""

    name: str
    url: str
    events: tuple[str, ...]
    secret_hint: str
    config_name: str
    created_at: float
    is_disabled: bool


@dataclass(frozen=True)
class Limit:
    """One setting of the server: what it is, how it stands, and what it is set by."""

    label: str
    value: str
    setting: str


def render_settings(
    facts: ServerFacts,
    project: ProjectFacts,
    *,
    frame: Frame,
    isolation: Isolation | None,
    now: float,
) -> str:
    """Give the page of settings as HTML. `isolation` is None while it is still tried out."""
    return render(
        "settings.html",
        frame,
        facts=facts,
        providers=[_provider(each) for each in facts.providers],
        aliases=facts.aliases[:_MOST_ALIASES],
        hidden_aliases=max(0, len(facts.aliases) - _MOST_ALIASES),
        keys=project.keys[:_MOST_KEYS],
        hidden_keys=max(0, len(project.keys) - _MOST_KEYS),
        webhooks=[_webhook(each) for each in project.webhooks],
        are_all_webhooks=project.are_all_webhooks,
        isolation=isolation,
        advice=clip((isolation.advice if isolation else None) or "", 1_000),
        limits=_limits(facts),
        now=now,
    )


def shown_origin(url: str) -> str:
    """Give where a URL leads without what may be a secret: its user, path and query.

    The path of a webhook is often all the secret that there is.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return "…"
    host = parts.netloc.rpartition("@")[2]
    has_more = parts.path.strip("/") or parts.query or parts.fragment
    return clip(f"{parts.scheme}://{host}{'/…' if has_more else ''}", _URL_LIMIT).shown


def shown_base(url: str) -> str:
    """Give the base URL of an endpoint without a user, a password or a query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "…"
    host = parts.netloc.rpartition("@")[2]
    return clip(f"{parts.scheme}://{host}{parts.path}", _URL_LIMIT).shown


def _provider(facts: ProviderFacts) -> ProviderRow:
    limits = f"{facts.max_concurrency:,} at once"
    if facts.requests_per_minute is not None:
        limits += f", {facts.requests_per_minute:,g} a minute"
    return ProviderRow(
        name=clip(facts.name, _NAME_LIMIT).shown,
        url=shown_base(facts.base_url),
        models=tuple(clip(each, _NAME_LIMIT).shown for each in facts.models[:_MOST_MODELS]),
        hidden_models=max(0, len(facts.models) - _MOST_MODELS),
        key_variable=facts.key_variable,
        key_is_set=facts.key_is_set,
        limits=limits,
        api=facts.api,
    )


def _webhook(endpoint: WebhookEndpoint) -> WebhookRow:
    return WebhookRow(
        name=clip(endpoint.name, _NAME_LIMIT).shown,
        url=shown_origin(endpoint.url),
        events=endpoint.event_types,
        secret_hint=endpoint.secret_hint,
        config_name=endpoint.config_name or "",
        created_at=endpoint.created_at,
        is_disabled=endpoint.disabled_at is not None,
    )


def _limits(facts: ServerFacts) -> list[Limit]:
    days = facts.keep_captured_days
    shared = facts.database == "Postgres"
    return [
        Limit(
            "A run has failed when more of its rows errored than",
            f"{percent(facts.max_error_rate)} %",
            "max_error_rate",
        ),
        Limit(
            "Chunks of runs under way at once" if shared else "Runs under way at once",
            f"{facts.worker_concurrency if shared else facts.runs_at_once:,}",
            "worker_concurrency" if shared else "runs_at_once",
        ),
        Limit(
            "Time that a python grader has for a row",
            duration(facts.python_timeout),
            "python_timeout",
        ),
        Limit(
            "Time that calls in flight have when the server stops",
            duration(facts.drain_seconds),
            "drain_seconds",
        ),
        Limit(
            "Captured completions and responses are kept",
            "for ever" if days is None else "1 day" if days == 1 else f"{days:,} days",
            "keep_captured_days",
        ),
        Limit(
            "Model of embeddings, for cosine",
            clip(facts.embeddings_model or "none", _NAME_LIMIT).shown,
            "embeddings_model",
        ),
    ]
