"""Settings: from the command line, the environment (`EVALD_…`) and a TOML file, in that order.

They are read once, checked at start and passed on as values; no other file looks at the environment.
"""

import os
import re
import tomllib
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)
from yarl import URL

from evald.errors import CannotStart


def _reachable(text: str) -> str:
    try:
        (URL(text).host or "").encode("idna")  # the names that the resolver takes
    except ValueError:  # its message may repeat the text
        raise PydanticCustomError("url", "The host or the port of this URL is wrong") from None
    return text


_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")


def _url(text: str) -> str:
    if not _URL.fullmatch(text):
        raise PydanticCustomError(
            "url",
            "It must be an http or https URL such as http://127.0.0.1:8080/v1, without a user, a "
            "password, a query or a fragment",
        )
    return _reachable(text)


UrlText = Annotated[str, AfterValidator(_url)]
VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
ModelName = Annotated[str, Field(min_length=1, max_length=256)]
UPSTREAM = "upstream"
"""The name of the provider that the two upstream variables make."""

LONGEST_WEBHOOK_URL = 2048
_WEBHOOK_URL = re.compile(r"https?://[^\s/?#@\\]+([/?][^\s#]*)?")


def _webhook_url(url: str) -> str:
    if len(url) > LONGEST_WEBHOOK_URL:
        raise PydanticCustomError("url", f"A URL may have {LONGEST_WEBHOOK_URL:,} characters")
    # Others than printable ASCII would be sent in a spelling that differs from the one that is shown.
    if not (url.isascii() and url.isprintable() and _WEBHOOK_URL.fullmatch(url)):
        raise PydanticCustomError(
            "url",
            "It must be an http or https URL in printable ASCII, without a user, a password or a "
            "fragment",
        )
    return _reachable(url)


WebhookUrl = Annotated[str, AfterValidator(_webhook_url)]
"""Where webhooks are sent to: a path and a query may be in it."""
WebhookEvent = Literal["eval.run.succeeded", "eval.run.failed", "eval.run.canceled"]
WEBHOOK_EVENTS: tuple[WebhookEvent, ...] = get_args(WebhookEvent)


class ProviderSettings(BaseModel):
    """One `[providers.NAME]` table: an OpenAI-compatible endpoint. Times in seconds."""

    model_config = ConfigDict(extra="forbid")

    base_url: UrlText
    api_key_env: VariableName | None = None
    """The environment variable that holds the key; keys do not stand in files."""
    models: list[str] = ["*"]
    max_concurrency: Annotated[int, Field(ge=1, le=10_000)] = 64
    requests_per_minute: Annotated[float, Field(ge=0.01, le=1_000_000)] | None = None
    """None: as many as come."""
    connect_timeout: Annotated[float, Field(gt=0)] = 10.0
    first_byte_timeout: Annotated[float, Field(gt=0)] = 300.0
    total_timeout: Annotated[float, Field(gt=0)] = 600.0
    max_attempts: Annotated[int, Field(ge=1, le=100)] = 6
    stream: bool = True
    token_limit_name: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    developer_role: Literal["developer", "system"] = "developer"
    api: Literal["auto", "chat", "responses"] = "auto"

    @field_validator("base_url")
    @classmethod
    def _without_slash(cls, url: str) -> str:
        return url.rstrip("/")

    def api_key(self, provider: str) -> str | None:
        """Give the key. Raises CannotStart when its variable holds none that can be sent.

        `provider` is the name of the table, for the message.
        """
        if self.api_key_env is None:
            return None
        key = os.environ.get(self.api_key_env, "").strip()
        if not key:
            raise CannotStart(
                f"The environment variable {self.api_key_env} holds no key. Set it for the provider "
                f"'{provider}', or remove its api_key_env if the endpoint wants no key."
            )
        if not _fits_a_header(key):
            raise CannotStart(
                f"The environment variable {self.api_key_env}: {UNFIT_KEY}. It is that of the "
                f"provider '{provider}'."
            )
        return key


UNFIT_KEY = "The key has characters that cannot be sent; only printable ASCII can"


def _fits_a_header(key: str) -> bool:
    return key.isascii() and key.isprintable()


class WebhookSettings(BaseModel):
    """One `[webhooks.NAME]` table: an endpoint that is told how runs end."""

    model_config = ConfigDict(extra="forbid")

    url: WebhookUrl
    secret_env: VariableName
    """The environment variable that holds the signing secret; secrets do not stand in files."""
    events: Annotated[list[WebhookEvent], Field(min_length=1)] = list(WEBHOOK_EVENTS)

    def secret(self, endpoint: str) -> str:
        """Give what is in its variable, which may be no secret at all. Raises CannotStart.

        `endpoint` is the name of the table, for the message.
        """
        secret = os.environ.get(self.secret_env, "").strip()
        if not secret:
            raise CannotStart(
                f"The environment variable {self.secret_env} holds no secret. Set it for the webhook "
                f"'{endpoint}'."
            )
        return secret


PriceOfTokens = Annotated[Decimal, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


class PriceSettings(BaseModel):
    """One `[prices."PATTERN"]` table: what a million tokens of the models with such a name cost."""

    model_config = ConfigDict(extra="forbid")

    input: PriceOfTokens
    cached_input: PriceOfTokens | None = None
    """None: as much as others."""
    output: PriceOfTokens


LONGEST_PROGRAM_S = 120.0


class Settings(BaseSettings):
    """All settings of `evald serve`."""

    model_config = SettingsConfigDict(env_prefix="EVALD_", extra="forbid", env_ignore_empty=True)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8484
    data_dir: Path = Path("evald-data")
    config: Path | None = None
    database_url: SecretStr | None = None
    public_url: UrlText | None = None
    upstream_base_url: UrlText | None = None
    upstream_api_key: SecretStr | None = None
    embeddings_model: ModelName | None = None
    """The model that `cosine` compares texts by, at whichever provider serves it."""
    providers: dict[str, ProviderSettings] = {}
    aliases: dict[ModelName, ModelName] = {}
    """Names of models, each with that of the model that is asked in its place."""
    prices: dict[ModelName, PriceSettings] = {}
    """By patterns of model names; the first that fits holds."""
    currency: Annotated[str, Field(min_length=1, max_length=12)] = "USD"
    """The currency of the prices, as reports name it."""
    max_error_rate: Annotated[float, Field(ge=0, le=1)] = 1.0
    schema_strict: bool = False
    keep_captured_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    """Days after which captured completions and responses are deleted; None keeps them."""
    runs_at_once: Annotated[int, Field(ge=1, le=1000)] = 32
    worker_concurrency: Annotated[int, Field(ge=0, le=1000)] = 32
    """Chunks that a process on Postgres has under way at once; 0 leaves all to others."""
    drain_seconds: Annotated[float, Field(ge=0, le=3600)] = 10.0
    """Seconds that calls in flight have to end when the process is asked to."""
    python_timeout: Annotated[float, Field(ge=1, le=LONGEST_PROGRAM_S)] = LONGEST_PROGRAM_S
    """Seconds that the program of a python grader has for one row."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["console", "json"] = "console"
    webhooks: dict[str, WebhookSettings] = {}
    webhook_timeout: Annotated[float, Field(gt=0, le=300)] = 15.0
    webhook_first_retry: Annotated[float, Field(gt=0)] = 5.0
    webhook_give_up_after: Annotated[float, Field(ge=0)] = 3 * 24 * 60 * 60.0
    webhook_private_addresses: bool = True

    @field_validator("upstream_api_key")
    @classmethod
    def _sendable(cls, given: SecretStr | None) -> SecretStr | None:
        key = given.get_secret_value().strip() if given else ""
        if not _fits_a_header(key):
            raise PydanticCustomError("key", UNFIT_KEY)
        return SecretStr(key) if key else None

    @field_validator("providers")
    @classmethod
    def _other_names(cls, providers: dict[str, ProviderSettings]) -> dict[str, ProviderSettings]:
        if UPSTREAM in providers:
            raise PydanticCustomError(
                "name",
                f"The name '{UPSTREAM}' is that of EVALD_UPSTREAM_BASE_URL; choose another one",
            )
        return providers

    @field_validator("aliases")
    @classmethod
    def _one_step(cls, aliases: dict[str, str]) -> dict[str, str]:
        for name, target in aliases.items():
            if target in aliases:
                what = "itself" if name == target else "an alias, too"
                raise PydanticCustomError(
                    "alias",
                    f"'{name}' stands for '{target}', which is {what}; write the name that a "
                    "provider knows",
                )
        return aliases

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the command line before the environment, and both before the file."""
        assert isinstance(init_settings, InitSettingsSource)
        path = init_settings.init_kwargs.get("config") or os.environ.get("EVALD_CONFIG")
        file = InitSettingsSource(settings_cls, _toml(Path(path)) if path else {})
        return init_settings, env_settings, file


def _toml(path: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise CannotStart(f"The config file cannot be read: {error}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CannotStart(f"The config file {path} is not valid TOML: {error}.") from None
    if "upstream_api_key" in table:
        raise CannotStart(
            f"The config file {path} holds upstream_api_key, and keys do not stand in files. "
            "Set the environment variable EVALD_UPSTREAM_API_KEY."
        )
    return table


def read_settings(**given: object) -> Settings:
    """Give the settings; `given` are those of the command line, None where not given.

    Raises CannotStart with one line for each setting that is wrong.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [
            f"  {'.'.join(str(step) for step in each['loc'])}: {_reason(each)}"
            for each in error.errors(include_url=False, include_input=False)
        ]
        raise CannotStart("\n".join(["These settings are wrong:", *lines])) from None
    except SettingsError:  # of all settings only these four are tables
        raise CannotStart(
            "EVALD_PROVIDERS, EVALD_ALIASES, EVALD_PRICES or EVALD_WEBHOOKS is no JSON object; use a "
            "config file instead."
        ) from None


_TABLES: dict[str, type[BaseModel]] = {
    "providers": ProviderSettings,
    "prices": PriceSettings,
    "webhooks": WebhookSettings,
}


def _reason(error: ErrorDetails) -> str:
    if error["type"] != "extra_forbidden":
        return error["msg"]
    *path, key = [str(step) for step in error["loc"]]
    known = _TABLES.get(path[0] if path else "", Settings).model_fields
    if f"{key}_env" in known:
        return (
            "Keys and secrets do not stand here. Put it into an environment variable, and give the "
            f"name of that as {key}_env"
        )
    like = get_close_matches(key, known, 1)
    meant = f"perhaps '{like[0]}' is meant" if like else "docs/configuration.md lists them all"
    return f"There is no such setting; {meant}"
