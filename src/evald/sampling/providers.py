"""Providers: the OpenAI-compatible endpoints that models are asked at, and which model goes where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from evald.rules.retry import RetryPolicy


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a call may take, in seconds."""

    connect: float = 10.0
    first_byte: float = 300.0
    total: float = 600.0


@dataclass(frozen=True)
class Provider:
    """One endpoint."""

    name: str
    base_url: str
    """Without a slash at the end, with `/v1` where the endpoint has it."""
    api_key: str | None = field(default=None, repr=False)
    models: tuple[str, ...] = ("*",)
    """Patterns of model names, such as `qwen*`, tried in order."""
    max_concurrency: int = 64
    requests_per_minute: float | None = None
    """None where requests may follow each other as fast as they come."""
    timeouts: Timeouts = Timeouts()
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    stream: bool = True
    """Ask for streamed answers: an endpoint stops generating when the client leaves a stream."""
    token_limit_name: str = "max_completion_tokens"
    """The name under which this endpoint takes the limit of output tokens."""
    developer_role: str = "developer"
    """The role that `developer` messages are sent with; some chat templates know only `system`."""
    api: Literal["auto", "chat", "responses"] = "auto"
    """The API by which everything is asked here. `auto`: each run by its own, and a run of responses
    by chat completions where the endpoint has no `/responses`."""

    def serves(self, model: str) -> bool:
        """Say whether one of the patterns fits this model name."""
        return any(fnmatchcase(model, pattern) for pattern in self.models)

    def headers(self) -> dict[str, str]:
        """Give the headers of every call. The key appears here and nowhere else."""
        return {"authorization": f"Bearer {self.api_key}"} if self.api_key else {}

    def without_key(self, text: str) -> str:
        """Give a text of the endpoint with its key blotted out, fit for errors and logs."""
        return text.replace(self.api_key, "[key]") if self.api_key else text


Aliases: TypeAlias = Mapping[str, str]
"""Names of models, each with that of the model that is asked in its place."""
NO_ALIASES: Final[Aliases] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Route:
    """Where a model is asked, and under which name."""

    provider: Provider
    model: str


def route_of(model: str, providers: Sequence[Provider], aliases: Aliases) -> Route | None:
    """Give the way to a model, or None when nobody serves it.

    An alias goes before a provider that would serve its name: many serve whatever they are asked for.
    """
    name = aliases.get(model, model)
    provider = provider_of(name, providers)
    return None if provider is None else Route(provider, name)


def provider_of(model: str, providers: Sequence[Provider]) -> Provider | None:
    """Give the first provider that serves this model name."""
    return next((provider for provider in providers if provider.serves(model)), None)
