"""Which `Host` headers name this server: loopback under its port, and its public URL."""

import pytest

from evald.api.hosts import own_hosts

PORT = 8484


def is_own(host: str, public_url: str = f"http://127.0.0.1:{PORT}") -> bool:
    return own_hosts(public_url, PORT)(host)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8484",
        "127.0.0.1",
        "127.0.0.2:8484",
        "localhost:8484",
        "localhost",
        "LocalHost:8484",
        "[::1]:8484",
        "[::1]",
    ],
)
def test_loopback_names_are_own(host: str) -> None:
    assert is_own(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        ":8484",
        "example.org",
        "example.org:8484",
        "evil.localhost:8484",
        "localhost.example.org:8484",
        "127.0.0.1.example.org:8484",
        "127.0.0.1:80",
        "localhost:8485",
        "0.0.0.0:8484",
        "192.168.1.5:8484",
        "[::]:8484",
        "::1",
        "127.0.0.1:8484@example.org",
        "example.org#127.0.0.1:8484",
        "127.0.0.1:8484, example.org",
    ],
)
def test_any_other_name_is_foreign(host: str) -> None:
    assert not is_own(host)


@pytest.mark.parametrize(
    "public_url",
    [
        "https://evald.example.org",
        "https://evald.example.org/",
        "https://Evald.Example.org/evals",
        "https://evald.example.org:443",
        "https://user:password@evald.example.org",
    ],
)
@pytest.mark.parametrize(
    "host", ["evald.example.org", "EVALD.example.org", "evald.example.org:443"]
)
def test_the_name_of_the_public_url_is_own_in_every_spelling(public_url: str, host: str) -> None:
    assert is_own(host, public_url)


@pytest.mark.parametrize("host", ["localhost:8484", "127.0.0.1:8484"])
def test_beside_the_public_url_loopback_stays_own(host: str) -> None:
    assert is_own(host, "https://evald.example.org")


@pytest.mark.parametrize(
    "host", ["example.org", "x.evald.example.org", "evald.example.org:8484", "evald.example.org:80"]
)
def test_only_the_public_name_itself_is_own(host: str) -> None:
    assert not is_own(host, "https://evald.example.org")


def test_a_public_port_belongs_to_the_name() -> None:
    assert is_own("evald.example.org:8443", "https://evald.example.org:8443")
    assert not is_own("evald.example.org", "https://evald.example.org:8443")
