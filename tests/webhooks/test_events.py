"""What an endpoint is told: each end of a run once, in a form that the official SDK unwraps."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.contract.schema import schema
from tests.crash.points import Barrier, MinedServer
from tests.model_server.client import ModelServer
from tests.model_server.script import Step
from tests.runs.canceling import cancel
from tests.runs.making import asked, create_eval, create_run, get_final, rows, sampled, upload
from tests.runs.making import path_of as path_of_run
from tests.server import EvaldServer
from tests.waiting import until
from tests.webhooks.conftest import StartServer
from tests.webhooks.hooking import create_endpoint, deliveries, end_a_run, unwrapped
from tests.webhooks.receiver import Received, Receiver

SECRET = "whsec_RdvaYFYUXuIFuEbvZHwMfYFhUf7aMYjYcmM24+Aj40c="
EVENTS = {
    "completed": "eval.run.succeeded",
    "failed": "eval.run.failed",
    "canceled": "eval.run.canceled",
}


def fail_a_run(server: EvaldServer) -> Any:
    """Have a run fail over a row that is no JSON object, found after the answer."""
    line = b'{"item": {"question": "row 1", "padding": "%s"}}\n' % (b"x" * 20_000)
    file_id = upload(server, line * 300 + b'{"item": 1}\n')
    return get_final(server, create_run(server, create_eval(server), sampled(file_id)))


def cancel_a_run(server: EvaldServer) -> Any:
    run = create_run(server, create_eval(server), sampled(rows(3)))
    assert cancel(server, run).status == 200
    return asked(server, "GET", path_of_run(run))


ENDS = {"completed": end_a_run, "failed": fail_a_run, "canceled": cancel_a_run}


@pytest.mark.parametrize("status", ENDS)
def test_the_end_of_a_run_is_told_in_the_documented_form(
    server: EvaldServer, models: ModelServer, status: str
) -> None:
    models.script(Step(hold="before"))
    with Receiver() as receiver:
        endpoint = create_endpoint(server, receiver.url)

        run = ENDS[status](server)

        (received,) = receiver.got(1)
    assert run["status"] == status
    event = received.event
    assert event == {
        "id": event["id"],
        "object": "event",
        "created_at": int(run["evald"]["finished_at"]),
        "type": EVENTS[status],
        "data": {"id": run["id"]},
    }
    assert event["id"].startswith("evt_")
    assert received.id.startswith("wh_")
    assert (received.method, received.path) == ("POST", "/hook?token=t")
    assert received.headers["content-type"] == "application/json"
    unwrapped_event = unwrapped(received, endpoint["signing_secret"])
    assert (unwrapped_event.type, unwrapped_event.data.id) == (EVENTS[status], run["id"])
    check_documented(event)


def test_each_end_of_a_run_that_was_resumed_is_an_event_of_its_own(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(hold="before"))
    with Receiver() as receiver:
        create_endpoint(server, receiver.url)
        run = cancel_a_run(server)
        models.script(Step())

        asked(server, "POST", f"{path_of_run(run)}/resume")

        events = [received.event for received in receiver.got(2)]
    assert {event["type"] for event in events} == {"eval.run.canceled", "eval.run.succeeded"}
    assert {event["data"]["id"] for event in events} == {run["id"]}
    assert len({event["id"] for event in events}) == 2


def check_documented(event: Any) -> None:
    document = schema()
    if document is not None:  # tests/contract says loudly where it is not here
        name = "Webhook" + "".join(part.capitalize() for part in event["type"].split("."))
        document.component(name).validate(event)


def test_a_wrong_secret_does_not_unwrap(server: EvaldServer) -> None:
    with Receiver() as receiver:
        create_endpoint(server, receiver.url)
        end_a_run(server)
        (received,) = receiver.got(1)

    with pytest.raises(Exception, match="signature"):
        unwrapped(received, SECRET)


def test_an_endpoint_is_told_only_what_it_asks_for(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(hold="before"))
    with Receiver() as asks, Receiver() as does_not:
        create_endpoint(server, asks.url, ["eval.run.canceled"])
        other = create_endpoint(server, does_not.url, ["eval.run.failed"])

        end_a_run(server)
        run = cancel_a_run(server)

        (received,) = asks.got(1)
        assert received.event["data"] == {"id": run["id"]}
        assert deliveries(server, other) == []


def test_two_endpoints_get_the_same_event_each_signed_with_its_own_secret(
    server: EvaldServer,
) -> None:
    with Receiver() as first, Receiver() as second:
        endpoints = [create_endpoint(server, each.url) for each in (first, second)]

        end_a_run(server)

        webhooks = [receiver.got(1)[0] for receiver in (first, second)]
    assert webhooks[0].body == webhooks[1].body
    assert webhooks[0].id != webhooks[1].id
    for webhook, endpoint in zip(webhooks, endpoints, strict=True):
        assert unwrapped(webhook, endpoint["signing_secret"])


def test_a_deleted_run_was_canceled_first_and_that_is_told(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(hold="before"))
    with Receiver() as receiver:
        create_endpoint(server, receiver.url)
        run = create_run(server, create_eval(server), sampled(rows(3)))

        assert server.ask("DELETE", path_of_run(run)).status == 200

        (received,) = receiver.got(1)
    assert received.event["type"] == "eval.run.canceled"
    assert received.event["data"] == {"id": run["id"]}


def test_endpoints_of_the_config_file_are_told_with_the_secret_of_their_variable(
    start_server: StartServer,
) -> None:
    with Receiver() as receiver:
        config = f'[webhooks.ci]\nurl = "{receiver.url}"\nsecret_env = "HOOK"\n'
        server = start_server(config, {"HOOK": SECRET})

        run = end_a_run(server)

        (received,) = receiver.got(1)
    assert unwrapped(received, SECRET).data.id == run["id"]
    (listed,) = asked(server, "GET", "/v1/webhook_endpoints")["data"]
    assert (listed["name"], listed["evald"]["config_name"]) == ("ci", "ci")
    assert listed["signing_secret_hint"] == "whsec_...40c="
    database = b"".join(file.read_bytes() for file in server.data_dir.glob("evald.db*"))
    assert SECRET.encode() not in database


def test_a_cancel_that_races_the_end_leaves_one_event_that_says_the_final_status(
    server: EvaldServer,
) -> None:
    with Receiver() as receiver, ThreadPoolExecutor(8) as pool:
        endpoint = create_endpoint(server, receiver.url)
        eval_id = create_eval(server)

        def race(number: int) -> Any:
            run = create_run(server, eval_id, sampled(rows(random.randrange(1, 30))))
            canceled = [pool.submit(cancel, server, run) for _ in range(2)]
            assert {each.result().status for each in canceled} == {200}
            return get_final(server, run)

        runs = [race(number) for number in range(25)]
        received = receiver.got(len(runs))
        until(lambda: {each["status"] for each in deliveries(server, endpoint)} == {"delivered"})
        assert len(receiver.received) == len(runs)
    assert told(received) == {run["id"]: [EVENTS[run["status"]]] for run in runs}


def told(received: list[Received]) -> dict[str, list[str]]:
    """Give the types of the events of each run, each event once however often it came."""
    events = {each.event["id"]: each.event for each in received}
    runs: dict[str, list[str]] = {}
    for event in events.values():
        runs.setdefault(event["data"]["id"], []).append(event["type"])
    return runs


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_cancel_in_the_very_transaction_of_the_end_leaves_one_event(
    mined_server: MinedServer, when: Any, tmp_path: Any
) -> None:
    with Receiver() as receiver, Barrier(tmp_path, "end") as end, ThreadPoolExecutor(2) as pool:
        mined_server.points = [end.point("evald.store.runs:complete_run", when=when)]
        mined_server.start()
        endpoint = create_endpoint(mined_server, receiver.url)
        eval_id = create_eval(mined_server)
        run = create_run(mined_server, eval_id, sampled(rows(2)))
        end.reached()

        canceled = pool.submit(cancel, mined_server, run)
        end.go_on()

        assert canceled.result().status == 200
        final = get_final(mined_server, run)
        (received,) = receiver.got(1)
        until(lambda: deliveries(mined_server, endpoint)[0]["status"] == "delivered")
        assert len(deliveries(mined_server, endpoint)) == 1
    assert Counter(told([received])[run["id"]]) == {EVENTS[final["status"]]: 1}


def test_a_run_that_is_created_while_its_eval_is_being_deleted_is_told_as_canceled(
    models: ModelServer, tmp_path: Path
) -> None:
    models.script(Step(hold="before"))
    with (
        Receiver() as receiver,
        Barrier(tmp_path, "deleting") as deleting,
        ThreadPoolExecutor(1) as pool,
    ):
        server = MinedServer(tmp_path, upstream=models.url)
        server.points = [deleting.point("evald.runs.cancel:cancel_run")]
        with server:
            create_endpoint(server, receiver.url)
            eval_id = create_eval(server)
            runs = [create_run(server, eval_id, sampled(rows(3)))]
            deletion = pool.submit(asked, server, "DELETE", f"/v1/evals/{eval_id}")
            deleting.reached()
            runs.append(create_run(server, eval_id, sampled(rows(4))))

            deleting.go_on()

            assert deletion.result()["deleted"]
            told = {each.event["data"]["id"]: each.event["type"] for each in receiver.got(2)}
    assert told == {run["id"]: "eval.run.canceled" for run in runs}
