"""The routes of webhook endpoints, through the official SDK and over plain HTTP."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.runs.making import asked
from tests.server import Answer, EvaldServer
from tests.webhooks.conftest import StartServer
from tests.webhooks.hooking import (
    ALL,
    ENDPOINTS,
    create_endpoint,
    deliveries,
    end_a_run,
    ended_delivery,
    path_of,
    unwrapped,
)
from tests.webhooks.receiver import Receiver, Reply

NOWHERE = "http://127.0.0.1:9/hook"


@pytest.fixture
def client(server: EvaldServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as client:
        yield client


def test_the_official_client_creates_reads_changes_and_deletes_an_endpoint(
    client: openai.OpenAI,
) -> None:
    made = client.webhooks.create(name="ours", url=NOWHERE, event_types=["eval.run.failed"])
    assert (made.object, made.name, made.url) == ("webhook_endpoint", "ours", NOWHERE)
    assert made.signing_secret.startswith("whsec_")
    assert made.signing_secret_hint == f"whsec_...{made.signing_secret[-4:]}"

    changed = client.webhooks.update(made.id, event_types=["eval.run.canceled"])
    assert (changed.name, changed.event_types) == ("ours", ["eval.run.canceled"])

    assert client.webhooks.retrieve(made.id) == changed
    assert next(iter(client.webhooks.list(limit=1))) == changed

    gone = client.webhooks.delete(made.id)
    assert (gone.id, gone.deleted, gone.object) == (made.id, True, "webhook_endpoint.deleted")
    with pytest.raises(openai.NotFoundError):
        client.webhooks.retrieve(made.id)


def test_the_official_client_rotates_a_secret(client: openai.OpenAI) -> None:
    made = client.webhooks.create(name="ours", url=NOWHERE, event_types=["eval.run.failed"])

    rotated = client.webhooks.rotate_secret(made.id, keep_old_secret_active_for_24_hours=True)

    assert rotated.signing_secret != made.signing_secret
    assert rotated.signing_secret_hint == f"whsec_...{rotated.signing_secret[-4:]}"


def test_the_official_client_learns_which_events_there_are(client: openai.OpenAI) -> None:
    assert client.webhooks.event_types.list().data == ALL


@pytest.mark.parametrize("status", [200, 404, 302])
def test_a_test_sends_one_sample_and_says_what_was_answered(
    server: EvaldServer, client: openai.OpenAI, status: int
) -> None:
    with Receiver(Reply(status, {"location": "/"})) as receiver:
        endpoint = create_endpoint(server, receiver.url)

        tested = client.webhooks.test(endpoint["id"], event_type="eval.run.failed")

        (received,) = receiver.received
    assert (tested.status_code, tested.success) == (status, True)
    assert (tested.webhook_endpoint_id, tested.event_type) == (endpoint["id"], "eval.run.failed")
    event = unwrapped(received, endpoint["signing_secret"])
    assert (event.type, event.data.id) == ("eval.run.failed", f"evalrun_{0:032x}")
    assert deliveries(server, endpoint) == []


def test_a_test_that_nobody_answers_is_a_400_that_says_why(
    server: EvaldServer, client: openai.OpenAI
) -> None:
    endpoint = create_endpoint(server, NOWHERE)

    with pytest.raises(openai.BadRequestError, match="takes no connections") as refused:
        client.webhooks.test(endpoint["id"], event_type="eval.run.failed")

    assert refused.value.code == "webhook_not_answered"


def test_the_secret_is_shown_at_creation_and_never_again(server: EvaldServer) -> None:
    with Receiver() as receiver:
        endpoint = create_endpoint(server, receiver.url)
        secret = endpoint["signing_secret"].removeprefix("whsec_").encode()
        end_a_run(server)
        ended_delivery(server, endpoint)

        for path in (ENDPOINTS, path_of(endpoint), path_of(endpoint, "/deliveries")):
            answer = server.ask("GET", path)
            assert (answer.status, secret in answer.body) == (200, False)
        answer = server.ask("POST", path_of(endpoint), {"name": "other"})
        assert (answer.status, secret in answer.body) == (200, False)


def test_an_update_that_changes_nothing_does_not_advance_its_time(server: EvaldServer) -> None:
    endpoint = create_endpoint(server, NOWHERE)
    shown = {key: value for key, value in endpoint.items() if key != "signing_secret"}

    same = {key: endpoint[key] for key in ("name", "url", "event_types")}
    assert asked(server, "POST", path_of(endpoint), same) == shown
    assert asked(server, "POST", path_of(endpoint), {}) == shown


def test_pages_of_endpoints_and_deliveries_are_walked_newest_first(server: EvaldServer) -> None:
    with Receiver() as receiver:
        endpoints = [create_endpoint(server, receiver.url) for _ in range(3)]
        for _ in range(3):
            end_a_run(server)
        walked = walk(server, ENDPOINTS)
        delivered = walk(server, path_of(endpoints[0], "/deliveries"))

    assert [each["id"] for each in walked][:3] == [each["id"] for each in reversed(endpoints)]
    assert len({each["id"] for each in delivered}) == 3
    assert delivered == sorted(delivered, key=lambda each: each["created_at"], reverse=True)


def walk(server: EvaldServer, path: str) -> list[Any]:
    """Give all objects of a list, read one a page."""
    found: list[Any] = []
    after = ""
    while True:
        page = asked(server, "GET", f"{path}?limit=1{after}")
        found += page["data"]
        if not page["has_more"]:
            return found
        after = f"&after={page['last_id']}"


GOOD = {"name": "ours", "url": NOWHERE, "event_types": ["eval.run.failed"]}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "name"),
    ({"name": "x" * 257}, "name"),
    ({"name": "a\0b"}, "name"),
    ({"name": None}, "name"),
    ({"url": "ftp://example.org"}, "url"),
    ({"url": "http://169.254.169.254/latest"}, "url"),
    ({"url": "http://[::ffff:169.254.169.254]/"}, "url"),
    ({"url": "http://[fe80::1]:8080/"}, "url"),
    ({"url": "http://[ff02::1]/"}, "url"),
    ({"url": "//example.org"}, "url"),
    ({"url": "javascript:alert(1)"}, "url"),
    ({"url": "http://user:password@example.org/"}, "url"),
    ({"url": "http://example.org\\@evil.org/"}, "url"),
    ({"url": "http://example.org/\r\nx: y"}, "url"),
    ({"url": "http://[::1"}, "url"),
    ({"url": "http://example..org"}, "url"),
    ({"url": "http://" + "a" * 2048}, "url"),
    ({"url": 5}, "url"),
    ({"event_types": []}, "event_types"),
    ({"event_types": ["batch.completed"]}, "event_types[0]"),
    ({"event_types": ["eval.run.failed", "eval.run.done"]}, "event_types[1]"),
    ({"event_types": "eval.run.failed"}, "event_types"),
    ({"event_types": [None]}, "event_types[0]"),
]


@pytest.mark.parametrize(("change", "param"), WRONG)
def test_what_is_wrong_is_refused_with_its_path_and_makes_nothing(
    server: EvaldServer, change: dict[str, Any], param: str
) -> None:
    before = server.ask("GET", ENDPOINTS).body

    answer = server.ask("POST", ENDPOINTS, {**GOOD, **change})

    assert (answer.status, answer.json["error"]["param"]) == (400, param)
    assert server.ask("GET", ENDPOINTS).body == before


def test_an_endpoint_is_not_moved_to_a_link_local_address(server: EvaldServer) -> None:
    path = f"{ENDPOINTS}/{server.ask('POST', ENDPOINTS, GOOD).json['id']}"

    answer = server.ask("POST", path, {"url": "http://169.254.169.254/"})

    assert (answer.status, answer.json["error"]["param"]) == (400, "url")
    assert server.ask("GET", path).json["url"] == NOWHERE


@pytest.mark.parametrize("missing", GOOD)
def test_what_is_missing_is_named(server: EvaldServer, missing: str) -> None:
    answer = server.ask("POST", ENDPOINTS, {k: v for k, v in GOOD.items() if k != missing})

    assert (answer.status, answer.json["error"]["param"]) == (400, missing)


ROUTES = [
    ("GET", "", None),
    ("POST", "", {}),
    ("DELETE", "", None),
    ("POST", "/rotate_secret", None),
    ("POST", "/test", {"event_type": "eval.run.failed"}),
    ("GET", "/deliveries", None),
]


@pytest.mark.parametrize(("method", "ending", "body"), ROUTES)
@pytest.mark.parametrize("endpoint_id", [f"whe_{0:032x}", "%00", "x" * 5000, "%ff", "*%25_"])
def test_an_unknown_endpoint_is_a_404(
    server: EvaldServer, method: str, ending: str, body: Any, endpoint_id: str
) -> None:
    answer = server.ask(method, f"{ENDPOINTS}/{endpoint_id}{ending}", body)

    assert (answer.status, answer.json["error"]["type"]) == (404, "invalid_request_error")


def test_an_endpoint_of_the_config_file_is_changed_there_alone(start_server: StartServer) -> None:
    with Receiver() as receiver:
        config = f'[webhooks.ci]\nurl = "{receiver.url}"\nsecret_env = "HOOK"\n'
        secret = "whsec_RdvaYFYUXuIFuEbvZHwMfYFhUf7aMYjYcmM24+Aj40c="
        server = start_server(config, {"HOOK": secret})
        (listed,) = asked(server, "GET", ENDPOINTS)["data"]

        for method, ending in (("POST", ""), ("POST", "/rotate_secret"), ("DELETE", "")):
            check_configured(server.ask(method, path_of(listed, ending), {"name": "x"}))

        assert asked(server, "GET", path_of(listed)) == listed
        body = {"event_type": "eval.run.failed"}
        assert asked(server, "POST", path_of(listed, "/test"), body)["status_code"] == 200
        assert unwrapped(receiver.received[0], secret)


def check_configured(answer: Answer) -> None:
    assert answer.status == 400
    assert answer.json["error"]["code"] == "webhook_endpoint_configured"
    assert "[webhooks.ci]" in answer.json["error"]["message"]
