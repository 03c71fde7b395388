"""Where a setting comes from: command line, then environment, then file, then default."""

from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from evald.settings import Settings, read_settings
from tests.settings.conftest import ConfigFile

FILE = """
port = 3
host = "127.0.0.3"
log_level = "error"

[providers.local]
base_url = "http://127.0.0.1:1234/v1/"
models = ["llama*"]
"""


def test_without_anything_set_the_defaults_work_on_a_laptop() -> None:
    settings = read_settings()

    assert (settings.host, settings.port) == ("127.0.0.1", 8484)
    assert (settings.data_dir, settings.config) == (Path("evald-data"), None)
    assert (settings.providers, settings.upstream_base_url) == ({}, None)


def test_the_command_line_comes_before_the_environment_and_both_before_the_file(
    config_file: ConfigFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVALD_HOST", "127.0.0.2")
    monkeypatch.setenv("EVALD_PORT", "2")

    settings = read_settings(config=config_file(FILE), port=1)

    assert (settings.port, settings.host, settings.log_level) == (1, "127.0.0.2", "error")
    assert settings.log_format == "console"


@pytest.mark.parametrize("source", ["command line", "environment", "both"])
def test_the_config_file_is_named_by_the_command_line_or_the_environment(
    source: str, config_file: ConfigFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = config_file(FILE)
    if source != "command line":
        monkeypatch.setenv("EVALD_CONFIG", "/nowhere.toml" if source == "both" else str(path))

    settings = read_settings(config=None if source == "environment" else path)

    assert (settings.port, settings.config) == (3, path)


def test_what_the_command_line_leaves_out_does_not_hide_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EVALD_PORT", "2")

    assert read_settings(port=None, host=None).port == 2


def test_port_0_on_the_command_line_is_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALD_PORT", "2")

    assert read_settings(port=0).port == 0


@pytest.mark.parametrize(
    "name", ["PORT", "CONFIG", "DATA_DIR", "UPSTREAM_BASE_URL", "UPSTREAM_API_KEY", "PUBLIC_URL"]
)
def test_an_empty_variable_counts_as_not_set(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"EVALD_{name}", "")

    assert read_settings() == read_settings_without(monkeypatch, f"EVALD_{name}")


def read_settings_without(monkeypatch: pytest.MonkeyPatch, name: str) -> Settings:
    monkeypatch.delenv(name)
    return read_settings()


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("EVALD_DATABASE_URL", "database_url"),
        ("EVALD_UPSTREAM_API_KEY", "upstream_api_key"),
        ("EVALD_UPSTREAM_BASE_URL", "upstream_base_url"),
        ("EVALD_PUBLIC_URL", "public_url"),
        ("EVALD_HOST", "host"),
    ],
)
def test_every_documented_variable_is_read(
    name: str, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "http://example.org/v1")

    value = getattr(read_settings(), field)

    text = value if isinstance(value, str) else value.get_secret_value()
    assert text == "http://example.org/v1"


def test_the_strict_form_is_off_unless_the_file_or_the_environment_says_so(
    config_file: ConfigFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = config_file("schema_strict = true\n")
    found = [read_settings().schema_strict, read_settings(config=path).schema_strict]
    for word in ("true", "false"):
        monkeypatch.setenv("EVALD_SCHEMA_STRICT", word)
        found.append(read_settings(config=path).schema_strict)

    assert found == [False, True, True, False]


def test_a_variable_that_is_no_setting_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALD_COFFEE", "1")

    assert read_settings().port == 8484


def test_a_provider_has_defaults_and_loses_its_last_slash(config_file: ConfigFile) -> None:
    provider = read_settings(config=config_file(FILE)).providers["local"]

    assert (provider.base_url, provider.models) == ("http://127.0.0.1:1234/v1", ["llama*"])
    assert (provider.max_concurrency, provider.stream, provider.api_key("a")) == (64, True, None)


def test_the_key_of_a_provider_comes_from_the_variable_that_it_names(
    config_file: ConfigFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTHER_KEY", "sk-secret")
    path = config_file('[providers.a]\nbase_url = "http://x"\napi_key_env = "OTHER_KEY"\n')

    assert read_settings(config=path).providers["a"].api_key("a") == "sk-secret"


def test_white_space_around_a_key_is_no_part_of_it(
    config_file: ConfigFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTHER_KEY", " sk-secret\n")
    monkeypatch.setenv("EVALD_UPSTREAM_API_KEY", "\tsk-upstream\r\n")
    path = config_file('[providers.a]\nbase_url = "http://x"\napi_key_env = "OTHER_KEY"\n')

    settings = read_settings(config=path)

    assert settings.providers["a"].api_key("a") == "sk-secret"
    assert settings.upstream_api_key == SecretStr("sk-upstream")


def test_a_price_is_as_exact_as_it_is_written(config_file: ConfigFile) -> None:
    text = '[prices."gpt-4.1-mini*"]\ninput = 0.40\noutput = "1.60"\ncached_input = 0.1'

    price = read_settings(config=config_file(text)).prices["gpt-4.1-mini*"]

    assert (price.input, price.cached_input) == (Decimal("0.4"), Decimal("0.1"))
    assert price.output == Decimal("1.6")
