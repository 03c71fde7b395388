"""Settings that are wrong are named, in a message that holds no secret."""

import os
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url

from evald.api.hosts import check_host
from evald.errors import CannotStart
from evald.sampling.configured import providers_of
from evald.settings import read_settings
from evald.store.place import place_of
from tests.settings.conftest import ConfigFile

SECRET = "sk-very-secret"


@pytest.mark.parametrize(
    ("name", "value", "setting"),
    [
        ("EVALD_PORT", "http", "port"),
        ("EVALD_PORT", "65536", "port"),
        ("EVALD_PORT", "-1", "port"),
        ("EVALD_MAX_ERROR_RATE", "2", "max_error_rate"),
        ("EVALD_MAX_ERROR_RATE", "nan", "max_error_rate"),
        ("EVALD_RUNS_AT_ONCE", "0", "runs_at_once"),
        ("EVALD_PYTHON_TIMEOUT", "0.9", "python_timeout"),
        ("EVALD_PYTHON_TIMEOUT", "121", "python_timeout"),
        ("EVALD_PYTHON_TIMEOUT", "nan", "python_timeout"),
        ("EVALD_SCHEMA_STRICT", "very", "schema_strict"),
        ("EVALD_LOG_LEVEL", "loud", "log_level"),
        ("EVALD_PUBLIC_URL", "evald.example.org", "public_url"),
        ("EVALD_PUBLIC_URL", "https://", "public_url"),
        ("EVALD_PUBLIC_URL", "https:///path", "public_url"),
        ("EVALD_UPSTREAM_BASE_URL", "ftp://example.org", "upstream_base_url"),
        ("EVALD_UPSTREAM_BASE_URL", "http://example.org/?a=b", "upstream_base_url"),
        ("EVALD_UPSTREAM_BASE_URL", "http://example.org /v1", "upstream_base_url"),
        ("EVALD_UPSTREAM_BASE_URL", "http://example.org:99999/v1", "upstream_base_url"),
        ("EVALD_UPSTREAM_BASE_URL", "http://example.org:abc/v1", "upstream_base_url"),
        ("EVALD_UPSTREAM_BASE_URL", "http://[::1/v1", "upstream_base_url"),
        ("EVALD_UPSTREAM_BASE_URL", "http://::1/v1", "upstream_base_url"),
        ("EVALD_UPSTREAM_BASE_URL", "http://example..org/v1", "upstream_base_url"),
        ("EVALD_UPSTREAM_BASE_URL", f"http://{'a' * 64}.org/v1", "upstream_base_url"),
        ("EVALD_PUBLIC_URL", "http://[zz]", "public_url"),
        ("EVALD_EMBEDDINGS_MODEL", "e" * 257, "embeddings_model"),
        ("EVALD_UPSTREAM_API_KEY", "sk-\nabc", "upstream_api_key"),
        ("EVALD_UPSTREAM_API_KEY", "sk-\x7fabc", "upstream_api_key"),
        ("EVALD_UPSTREAM_API_KEY", "sk-…", "upstream_api_key"),
        ("EVALD_PROVIDERS", "local", "PROVIDERS"),
        ("EVALD_PROVIDERS", "[]", "providers"),
        (
            "EVALD_PROVIDERS",
            '{"a": {"base_url": "http://127.0.0.1/v1", "requests_per_minute": 0}}',
            "providers.a.requests_per_minute",
        ),
        ("EVALD_ALIASES", "gpt-4o", "EVALD_ALIASES"),
        ("EVALD_ALIASES", '{"a": "b", "b": "c"}', "'a' stands for 'b', which is an alias, too"),
        ("EVALD_PRICES", "gpt-4o=2.5", "EVALD_PRICES"),
        ("EVALD_CURRENCY", "a currency of many words", "currency"),
        ("EVALD_ALIASES", '{"a": "a"}', "'a' stands for 'a', which is itself"),
    ],
)
def test_a_wrong_variable_is_named(
    name: str, value: str, setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(CannotStart, match=setting):
        read_settings()


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ("prot = 1", "prot"),
        ('port = "x"', "port"),
        ("providers = 5", "providers"),
        ("[providers]\na = 5", r"providers\.a"),
        ("[providers.a]", r"providers\.a\.base_url"),
        ('[providers.a]\nbase_url = "http://x"\nbase_ulr = "y"', r"providers\.a\.base_ulr"),
        ('[providers.a]\nbase_url = "http://x"\nmodels = "m"', r"providers\.a\.models"),
        ('[providers.a]\nbase_url = "http://x"\nmax_attempts = 0', r"providers\.a\.max_attempts"),
        ('[providers.a]\nbase_url = "http://x"\napi = "completions"', r"providers\.a\.api"),
        ('[providers.a]\nbase_url = "http://x"\ntotal_timeout = 0', r"providers\.a\.total_timeout"),
        ('[providers.a]\nbase_url = "http://x"\napi_key = "k"', r"providers\.a\.api_key"),
        ('[providers.a]\nbase_url = "http://x:99999"', r"providers\.a\.base_url"),
        (
            '[providers.a]\nbase_url = "http://x"\napi_key_env = "sk-k"',
            r"providers\.a\.api_key_env",
        ),
        ('[providers.upstream]\nbase_url = "http://x"', "providers"),
        ('aliases = "gpt-4o"', "aliases"),
        ('[prices."gpt-*"]\ninput = 1', r"prices\.gpt-\*\.output"),
        ("[prices.a]\ninput = -1\noutput = 1", r"prices\.a\.input"),
        ("[prices.a]\ninput = nan\noutput = 1", r"prices\.a\.input"),
        ("[prices.a]\ninput = 1\noutput = 1\ncached = 1", r"prices\.a\.cached"),
        ('[aliases]\n"gpt-4o" = 5', r"aliases\.gpt-4o"),
        ('[aliases]\n"gpt-4o" = ""', r"aliases\.gpt-4o"),
        ('[aliases]\n"gpt-4o" = "gpt-4o"', "aliases"),
    ],
)
def test_a_wrong_line_of_the_file_is_named(
    text: str, setting: str, config_file: ConfigFile
) -> None:
    with pytest.raises(CannotStart, match=rf"(?m)^  {setting}: "):
        read_settings(config=config_file(text))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("prot = 1", "There is no such setting; perhaps 'port' is meant"),
        ("colour = 1", "There is no such setting; docs/configuration.md lists them all"),
        ('[providers.a]\nbase_url = "http://x"\nmodel = "m"', "perhaps 'models' is meant"),
        ('[providers.a]\nbase_url = "http://x"\napi_key = "k"', "name of that as api_key_env"),
        ("[prices.a]\ninput = 1\noutput = 1\noutputs = 1", "perhaps 'output' is meant"),
        ('[webhooks.a]\nsecret = "k"', "name of that as secret_env"),
        ('[providers.a]\nbase_url = "localhost/v1"', "must be an http or https URL such as"),
        ('public_url = "https://a@b/"', "must be an http or https URL such as"),
    ],
)
def test_a_wrong_line_of_the_file_is_told_what_to_do(
    text: str, reason: str, config_file: ConfigFile
) -> None:
    with pytest.raises(CannotStart) as refused:
        read_settings(config=config_file(text))

    assert reason in str(refused.value)
    assert "Extra inputs" not in str(refused.value)
    assert "pattern" not in str(refused.value)


def test_all_wrong_settings_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALD_PORT", "http")
    monkeypatch.setenv("EVALD_LOG_LEVEL", "loud")

    with pytest.raises(CannotStart, match=r"(?s)wrong:\n  port: .*\n  log_level: "):
        read_settings()


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(CannotStart, match=r"config file cannot be read: .*nowhere\.toml"):
        read_settings(config=Path("/nowhere.toml"))


def test_a_folder_is_no_config_file(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="config file cannot be read"):
        read_settings(config=tmp_path)


@pytest.mark.parametrize("text", ["port = ", "[a", "port = 1\nport 2\n"])
def test_a_file_that_is_no_toml_is_named_with_the_place(text: str, config_file: ConfigFile) -> None:
    with pytest.raises(CannotStart, match=r"evald\.toml is not valid TOML: .*(line|end)"):
        read_settings(config=config_file(text))


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "evald.toml"
    path.write_bytes(b'host = "\xff"')

    with pytest.raises(CannotStart, match="not valid TOML"):
        read_settings(config=path)


def test_a_provider_whose_key_is_not_set_is_refused_by_the_name_of_the_variable(
    config_file: ConfigFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    text = '[providers.a]\nbase_url = "http://x"\napi_key_env = "NO_SUCH_KEY"\n'
    settings = read_settings(config=config_file(text))

    with pytest.raises(CannotStart, match=r"NO_SUCH_KEY holds no key.*the provider 'a'"):
        providers_of(settings)


@pytest.mark.parametrize("key", ["", "  ", "\n"])
def test_a_variable_of_white_space_holds_no_key(
    key: str, config_file: ConfigFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_KEY", key)
    monkeypatch.setenv("EVALD_UPSTREAM_API_KEY", key)
    text = '[providers.a]\nbase_url = "http://x"\napi_key_env = "MODEL_KEY"\n'
    settings = read_settings(config=config_file(text))

    assert settings.upstream_api_key is None
    with pytest.raises(CannotStart, match="MODEL_KEY holds no key"):
        providers_of(settings)


@pytest.mark.parametrize("key", [f"{SECRET}\nx: y", f"{SECRET}\0", f"{SECRET}ü"])
def test_a_key_of_a_provider_that_cannot_be_sent_is_refused_and_not_shown(
    key: str, config_file: ConfigFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.environ", {**os.environ, "MODEL_KEY": key})  # a real one takes no NUL
    text = '[providers.a]\nbase_url = "http://x"\napi_key_env = "MODEL_KEY"\n'
    settings = read_settings(config=config_file(text))

    with pytest.raises(CannotStart, match="MODEL_KEY: The key has characters") as refused:
        providers_of(settings)

    assert SECRET not in str(refused.value)


def test_a_key_in_the_file_is_refused_though_the_variable_is_set(
    config_file: ConfigFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVALD_UPSTREAM_API_KEY", "sk-other")

    with pytest.raises(CannotStart, match="keys do not stand in files") as refused:
        read_settings(config=config_file(f'upstream_api_key = "{SECRET}"'))

    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EVALD_PORT", SECRET),
        ("EVALD_LOG_LEVEL", SECRET),
        ("EVALD_UPSTREAM_BASE_URL", f"ftp://user:{SECRET}@example.org"),
        ("EVALD_UPSTREAM_BASE_URL", f"http://user:{SECRET}/v1"),
        ("EVALD_UPSTREAM_API_KEY", f"{SECRET}\nx-more: 1"),
        ("EVALD_PROVIDERS", SECRET),
        ("EVALD_PROVIDERS", f'{{"a": {{"base_url": "x", "api_key": "{SECRET}"}}}}'),
    ],
)
def test_no_message_repeats_a_value_that_could_be_a_secret(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(CannotStart) as refused:
        read_settings()

    assert SECRET not in str(refused.value)
    assert refused.value.__suppress_context__


@pytest.mark.parametrize("text", [f"upstream_api_key = {SECRET}", f'upstream_api_kye = "{SECRET}"'])
def test_no_message_repeats_a_secret_of_the_file(text: str, config_file: ConfigFile) -> None:
    with pytest.raises(CannotStart) as refused:
        read_settings(config=config_file(text))

    assert SECRET not in str(refused.value)


def test_no_text_of_the_settings_or_of_a_provider_holds_a_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EVALD_UPSTREAM_API_KEY", SECRET)
    monkeypatch.setenv("EVALD_UPSTREAM_BASE_URL", "http://127.0.0.1:1/v1/")
    monkeypatch.setenv("EVALD_DATABASE_URL", f"postgresql://evald:{SECRET}@db/evald")

    settings = read_settings()
    (provider,) = providers_of(settings)

    assert provider.api_key == SECRET
    assert provider.base_url == "http://127.0.0.1:1/v1"
    for text in (repr(settings), str(settings), settings.model_dump_json(), repr(provider)):
        assert SECRET not in text


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+psycopg://evald:{SECRET}@db/evald",
        f"postgresql://evald:{SECRET}@db",
        f"mysql://evald:{SECRET}@db/evald",
        "sqlite:///evald.db",
        SECRET,
        f"://{SECRET}",
        f"sqlite+aiosqlite://{SECRET}:port/evald.db",
        f"sqlite+aiosqlite://evald:{SECRET}@db/evald.db",
        f"sqlite+aiosqlite:////evald.db?key={SECRET}",
        "sqlite+aiosqlite://",
        "sqlite+aiosqlite:///",
        "sqlite+aiosqlite:///:memory:",
    ],
)
def test_a_database_that_evald_cannot_use_is_refused_without_its_password(url: str) -> None:
    settings = read_settings(database_url=SecretStr(url))

    with pytest.raises(CannotStart, match="EVALD_DATABASE_URL") as refused:
        place_of(settings)

    assert SECRET not in str(refused.value)


def test_the_database_lies_in_the_data_directory_unless_it_is_set(tmp_path: Path) -> None:
    place = place_of(read_settings(data_dir=tmp_path))
    assert place.url == f"sqlite+aiosqlite:///{tmp_path}/evald.db"

    given = "sqlite+aiosqlite:////var/lib/evald/evald.db"
    assert place_of(read_settings(database_url=SecretStr(given))).url == given


@pytest.mark.parametrize("driver", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_a_database_of_postgres_is_named_as_other_programs_name_it(driver: str) -> None:
    url = f"{driver}://evald:{SECRET}@db:5433/evals?password={SECRET}&ssl=require"

    place = place_of(read_settings(database_url=SecretStr(url)))

    assert place.url == url.replace(driver, "postgresql+asyncpg", 1)
    assert (place.file, place.shown) == (None, "postgresql://db:5433/evals")
    as_libpq_has_it = read_settings(database_url=SecretStr(url.replace("ssl=", "sslmode=")))
    assert place_of(as_libpq_has_it).url == place.url


def test_parameters_that_the_driver_does_not_have_are_named_and_their_values_are_not() -> None:
    given = f"postgresql://db/evals?ssl=require&options={SECRET}&channel_binding={SECRET}"

    with pytest.raises(CannotStart, match="channel_binding, options") as refused:
        place_of(read_settings(database_url=SecretStr(given)))

    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "name", ["with space", "a?b", "a#b", "100%", "50%25", "a%20b", "a@b:c", "ü"]
)
def test_the_database_lies_in_the_data_directory_whatever_its_name(
    tmp_path: Path, name: str
) -> None:
    place = place_of(read_settings(data_dir=tmp_path / name))

    assert make_url(place.url).database == str(tmp_path / name / "evald.db")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "localhost", "::1", "[::1]"])
def test_loopback_addresses_may_be_bound(host: str) -> None:
    check_host(host, has_key=False)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "", "localhost.example.org", "127.1"]
)
def test_other_addresses_are_refused_with_the_reason(host: str) -> None:
    with pytest.raises(CannotStart, match="evald keys create"):
        check_host(host, has_key=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.org"])
def test_other_addresses_may_be_bound_with_a_key(host: str) -> None:
    check_host(host, has_key=True)
