"""How webhooks come: again until they are taken, never twice in a hurry, and past a slow neighbour."""

from typing import Any

import pytest

from tests.runs.making import asked
from tests.server import EvaldServer
from tests.waiting import until
from tests.webhooks.conftest import StartServer
from tests.webhooks.hooking import (
    create_endpoint,
    deliveries,
    end_a_run,
    ended_delivery,
    path_of,
    unwrapped,
)
from tests.webhooks.receiver import Receiver, Reply

REFUSED = Reply(500)
HANGING = Reply(fault="hang")


def test_a_refused_webhook_comes_again_under_the_same_id_until_it_is_taken(
    server: EvaldServer,
) -> None:
    with Receiver(REFUSED, Reply(503), Reply(fault="cut"), Reply(204)) as receiver:
        endpoint = create_endpoint(server, receiver.url)

        end_a_run(server)

        delivery = ended_delivery(server, endpoint)
        received = receiver.received
    assert len({each.id for each in received}) == 1
    assert len({each.body for each in received}) == 1
    assert delivery == {
        "object": "webhook_endpoint.delivery",
        "id": received[0].id,
        "webhook_endpoint_id": endpoint["id"],
        "event_id": received[0].event["id"],
        "event_type": "eval.run.succeeded",
        "data": received[0].event["data"],
        "created_at": received[0].event["created_at"],
        "status": "delivered",
        "attempts": 4,
        "next_attempt_at": None,
        "last_attempt_at": delivery["last_attempt_at"],
        "status_code": 204,
        "error": None,
    }


def test_each_attempt_is_signed_with_the_time_of_that_attempt(start_server: StartServer) -> None:
    server = start_server(webhook_first_retry=2.5)  # so that the second comes in another second
    with Receiver(REFUSED, Reply()) as receiver:
        endpoint = create_endpoint(server, receiver.url)

        end_a_run(server)

        first, second = receiver.got(2)
    assert first.headers["webhook-timestamp"] < second.headers["webhook-timestamp"]
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    assert unwrapped(second, endpoint["signing_secret"])


FAULTS: dict[str, tuple[Reply, int | None, str]] = {
    "it cuts the connection": (Reply(fault="cut"), None, "broke the connection off"),
    "it speaks no HTTP": (Reply(fault="no http"), None, "is no HTTP"),
    "it refuses": (Reply(404), 404, "answered 404"),
    "it redirects": (Reply(307, {"location": "/elsewhere"}), 307, "redirects are not followed"),
    "it says to see elsewhere": (Reply(303, {"location": "/"}), 303, "redirects are not followed"),
}


@pytest.mark.parametrize(("reply", "status", "says"), FAULTS.values(), ids=FAULTS)
def test_an_attempt_that_fails_says_why_and_another_one_is_to_come(
    patient_server: EvaldServer, reply: Reply, status: int | None, says: str
) -> None:
    with Receiver(reply) as receiver:
        endpoint = create_endpoint(patient_server, receiver.url)

        end_a_run(patient_server)

        (failed,) = tried(patient_server, endpoint)
    assert (failed["status"], failed["attempts"]) == ("pending", 1)
    assert failed["status_code"] == status
    assert says in failed["error"]
    assert failed["next_attempt_at"] > failed["last_attempt_at"]
    assert [each.path for each in receiver.received] == ["/hook?token=t"]


def test_an_endpoint_that_does_not_answer_in_time_is_left_and_tried_again(
    start_server: StartServer,
) -> None:
    server = start_server(webhook_timeout=0.5)
    with Receiver(HANGING) as receiver:
        endpoint = create_endpoint(server, receiver.url)

        end_a_run(server)

        (failed,) = tried(server, endpoint)
        receiver.got(2)
    assert failed["error"] == "The endpoint did not answer within 0.5 s."
    assert (failed["status"], failed["status_code"]) == ("pending", None)


def tried(server: EvaldServer, endpoint: Any, attempts: int = 1) -> Any:
    """Give the deliveries to an endpoint as soon as each was tried so often."""

    def all_tried() -> Any:
        found = deliveries(server, endpoint)
        return found if found and all(each["attempts"] >= attempts for each in found) else None

    return until(all_tried)


def test_an_endless_answer_is_not_read(server: EvaldServer) -> None:
    with Receiver(Reply(fault="endless")) as receiver:
        endpoint = create_endpoint(server, receiver.url)

        end_a_run(server)

        delivery = ended_delivery(server, endpoint)
    assert (delivery["status"], delivery["attempts"]) == ("delivered", 1)


def test_an_endpoint_that_hangs_keeps_a_few_connections_and_holds_up_no_other_and_no_run(
    start_server: StartServer,
) -> None:
    server = start_server(webhook_timeout=300)
    with Receiver(HANGING) as slow, Receiver() as quick:
        create_endpoint(server, slow.url)
        for _ in range(9):
            end_a_run(server)
        slow.got(1)
        server.restart()  # now all nine are due
        slow.got(1 + 4)

        create_endpoint(server, quick.url)
        run = end_a_run(server)

        (received,) = quick.got(1)
        assert received.event["data"] == {"id": run["id"]}
        assert len(slow.received) == 1 + 4
        assert server.stop() == 0


def test_an_endpoint_that_nobody_listens_at_is_tried_again(server: EvaldServer) -> None:
    with Receiver() as receiver:
        url = receiver.url
    endpoint = create_endpoint(server, url)

    end_a_run(server)

    found = tried(server, endpoint, attempts=2)
    assert found[0]["error"] == "The endpoint takes no connections."


def test_a_webhook_is_given_up_when_it_is_too_old(start_server: StartServer) -> None:
    server = start_server(webhook_give_up_after=0.5)
    with Receiver(REFUSED) as receiver:
        endpoint = create_endpoint(server, receiver.url)

        end_a_run(server)

        delivery = ended_delivery(server, endpoint)
    assert delivery["status"] == "failed"
    assert delivery["attempts"] == len(receiver.received) > 1
    assert (delivery["next_attempt_at"], delivery["status_code"]) == (None, 500)
    assert "webhook given up" in server.log()


def test_an_endpoint_that_is_gone_gets_nothing_more_until_it_is_changed(
    server: EvaldServer,
) -> None:
    with Receiver(Reply(410), Reply(200)) as receiver:
        endpoint = create_endpoint(server, receiver.url)
        end_a_run(server)
        gone = ended_delivery(server, endpoint)
        disabled = asked(server, "GET", path_of(endpoint))
        end_a_run(server)
        not_told = deliveries(server, endpoint)

        changed = asked(server, "POST", path_of(endpoint), {"name": "back"})
        run = end_a_run(server)

        _, received = receiver.got(2)
    assert (gone["status"], gone["attempts"], gone["status_code"]) == ("failed", 1, 410)
    assert disabled["evald"]["disabled_at"] is not None
    assert [each["id"] for each in not_told] == [gone["id"]]
    assert (changed["name"], changed["evald"]["disabled_at"]) == ("back", None)
    assert received.event["data"] == {"id": run["id"]}


def test_what_waits_for_an_endpoint_goes_to_where_it_has_moved(server: EvaldServer) -> None:
    with Receiver(REFUSED) as old, Receiver() as new:
        endpoint = create_endpoint(server, old.url)
        end_a_run(server)
        (before, *_) = old.got(1)

        asked(server, "POST", path_of(endpoint), {"url": new.url})

        assert new.got(1)[0].id == before.id


def test_the_secret_before_a_rotation_signs_on_only_where_that_is_asked_for(
    server: EvaldServer,
) -> None:
    with Receiver() as receiver:
        endpoint = create_endpoint(server, receiver.url)
        rotate = path_of(endpoint, "/rotate_secret")
        second = asked(server, "POST", rotate, {"keep_old_secret_active_for_24_hours": True})
        end_a_run(server)
        third = asked(server, "POST", rotate)
        end_a_run(server)
        both, alone = receiver.got(2)

    secrets = [each["signing_secret"] for each in (endpoint, second, third)]
    assert len(set(secrets)) == 3
    assert [verifies(both, secret) for secret in secrets] == [True, True, False]
    assert [verifies(alone, secret) for secret in secrets] == [False, False, True]


def verifies(received: Any, secret: str) -> bool:
    try:
        unwrapped(received, secret)
    except Exception as error:  # noqa: BLE001  (its class has another place in each SDK)
        assert "signature" in str(error)  # noqa: PT017
        return False
    return True


def test_private_addresses_are_for_the_config_file_alone_where_that_is_set(
    start_server: StartServer,
) -> None:
    with Receiver() as receiver:
        config = f'[webhooks.ci]\nurl = "{receiver.url}"\nsecret_env = "HOOK"\n'
        secret = "whsec_RdvaYFYUXuIFuEbvZHwMfYFhUf7aMYjYcmM24+Aj40c="
        server = start_server(config, {"HOOK": secret}, webhook_private_addresses="false")
        named = create_endpoint(server, receiver.url.replace("127.0.0.1", "localhost"))
        numbered = create_endpoint(server, receiver.url)

        end_a_run(server)

        for endpoint in (named, numbered):
            found = tried(server, endpoint)
            assert found[0]["error"] == "Webhooks may not go to the address of this endpoint."
        (received,) = receiver.got(1)
        assert len(receiver.received) == 1
    assert unwrapped(received, secret)


def test_no_secret_and_no_url_is_in_the_log(start_server: StartServer) -> None:
    server = start_server(webhook_give_up_after=0, log_level="debug")
    with Receiver(REFUSED) as receiver:
        endpoint = create_endpoint(server, receiver.url)
        end_a_run(server)
        ended_delivery(server, endpoint)

    assert "webhook given up" in server.log()
    assert endpoint["signing_secret"].removeprefix("whsec_") not in server.log()
    assert "token=t" not in server.log()


def test_attempts_of_one_endpoint_are_spread_further_and_further(
    start_server: StartServer,
) -> None:
    server = start_server(webhook_first_retry=0.4)
    with Receiver(REFUSED) as receiver:
        endpoint = create_endpoint(server, receiver.url)
        end_a_run(server)

        (delivery,) = tried(server, endpoint, attempts=2)

    pause = delivery["next_attempt_at"] - delivery["last_attempt_at"]
    ceiling = 0.4 * 2 ** (delivery["attempts"] - 1)
    assert ceiling / 2 - 0.01 <= pause <= ceiling + 0.01
