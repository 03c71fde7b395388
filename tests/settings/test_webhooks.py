"""`[webhooks.NAME]` in the config file: what is taken, what is refused, and that no secret is shown."""

import pytest

from evald.contract.projects import DEFAULT_PROJECT
from evald.errors import CannotStart
from evald.settings import WEBHOOK_EVENTS, read_settings
from evald.webhooks.configured import configured_endpoints, configured_secrets
from tests.settings.conftest import ConfigFile

SECRET = "whsec_RdvaYFYUXuIFuEbvZHwMfYFhUf7aMYjYcmM24+Aj40c="
TABLE = '[webhooks.ci]\nurl = "https://example.org/hook?token=t"\nsecret_env = "HOOK"\n'


def test_an_endpoint_asks_for_all_events_unless_it_says_which(
    config_file: ConfigFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", f" {SECRET}\n")
    some = TABLE.replace("ci", "some") + 'events = ["eval.run.failed", "eval.run.failed"]\n'
    settings = read_settings(config=config_file(TABLE + some))

    secrets = configured_secrets(settings.webhooks)
    endpoints = configured_endpoints(settings.webhooks, secrets, DEFAULT_PROJECT, 5)

    assert secrets == {"ci": SECRET, "some": SECRET}
    assert [(each.name, each.config_name, each.event_types) for each in endpoints] == [
        ("ci", "ci", WEBHOOK_EVENTS),
        ("some", "some", ("eval.run.failed",)),
    ]
    assert SECRET not in repr((settings, endpoints))


@pytest.mark.parametrize("secret", ["", "  ", "RdvaYFYU", "whsec_", "whsec_short", SECRET[:-3]])
def test_a_variable_without_a_secret_is_named_and_not_shown(
    secret: str, config_file: ConfigFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", secret)
    settings = read_settings(config=config_file(TABLE))

    with pytest.raises(CannotStart, match=r"HOOK\b.*webhook 'ci'|HOOK: ") as refused:
        configured_secrets(settings.webhooks)

    assert len(secret.strip()) < 7 or secret not in str(refused.value)


URL = "https://example.org/hook?token=t"


@pytest.mark.parametrize(
    ("good", "wrong", "setting"),
    [
        (URL, "ftp://example.org", "webhooks.ci.url"),
        (URL, "example.org", "webhooks.ci.url"),
        (URL, "https://", "webhooks.ci.url"),
        (URL, "https://user@example.org/", "webhooks.ci.url"),
        (URL, "https://user:sk-secret@example.org/", "webhooks.ci.url"),
        (URL, "https://example.org/#part", "webhooks.ci.url"),
        (URL, "https://example.org/a b", "webhooks.ci.url"),
        (URL, "https://example.org:99999/", "webhooks.ci.url"),
        (URL, "https://example.org/ä", "webhooks.ci.url"),
        (URL, "https://example.org/" + "x" * 2048, "webhooks.ci.url"),
        ('secret_env = "HOOK"', 'secret_env = "A B"', "webhooks.ci.secret_env"),
        ('secret_env = "HOOK"', 'secret = "sk-secret"', "webhooks.ci.secret"),
        ('secret_env = "HOOK"', 'secret_env = "HOOK"\nevents = []', "webhooks.ci.events"),
        (
            'secret_env = "HOOK"',
            'secret_env = "HOOK"\nevents = ["batch.completed"]',
            "webhooks.ci.events",
        ),
    ],
)
def test_what_is_wrong_with_a_table_is_named(
    good: str, wrong: str, setting: str, config_file: ConfigFile
) -> None:
    with pytest.raises(CannotStart, match=setting) as refused:
        read_settings(config=config_file(TABLE.replace(good, wrong)))

    assert "sk-secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EVALD_WEBHOOKS", "ci"),
        ("EVALD_WEBHOOK_TIMEOUT", "0"),
        ("EVALD_WEBHOOK_TIMEOUT", "301"),
        ("EVALD_WEBHOOK_FIRST_RETRY", "0"),
        ("EVALD_WEBHOOK_GIVE_UP_AFTER", "-1"),
        ("EVALD_WEBHOOK_PRIVATE_ADDRESSES", "some"),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(CannotStart, match=f"(?i){name.removeprefix('EVALD_')}"):
        read_settings()
