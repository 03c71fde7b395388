"""Webhooks over the deaths of their server: none is lost, none is made up, ids stay the same."""

from typing import Any

import pytest

from tests.crash.data import rows_of
from tests.crash.points import MinedServer, Point
from tests.model_server.client import ModelServer
from tests.model_server.script import Step
from tests.runs.making import EXACT, asked, create_eval, create_run, given, rows, sampled
from tests.runs.making import path_of as path_of_run
from tests.server import EvaldServer
from tests.waiting import until
from tests.webhooks.conftest import StartServer
from tests.webhooks.hooking import ALL, create_endpoint, deliveries, end_a_run, path_of
from tests.webhooks.receiver import Receiver, Reply

HANGING = Reply(fault="hang")

NOT_ENDED = [
    Point("evald.store.runs:complete_run", when="before"),
    Point("evald.store.runs:complete_run", when="after"),
    Point("evald.store.webhook_deliveries:record_event", when="before"),
    Point("evald.store.webhook_deliveries:record_event", when="after"),
]
ENDED = [
    Point("evald.runs.finish:finish", when="after"),
    Point("evald.store.webhook_deliveries:due_deliveries", when="after"),
    Point("evald.webhooks.sending:Sender.send", when="before"),
]
SENT = [
    Point("evald.webhooks.sending:Sender.send", when="after"),
    Point("evald.store.webhook_deliveries:save_attempts", when="before"),
    Point("evald.store.webhook_deliveries:save_attempts", when="after"),
]


def saved_deliveries(server: EvaldServer) -> list[Any]:
    """Give the id, the run and the status of each delivery that is committed."""
    return list(rows_of(server, "SELECT id, run_id, status FROM webhook_deliveries"))


def statuses(server: EvaldServer) -> dict[str, str]:
    return dict(rows_of(server, "SELECT id, status FROM runs"))


def die_at(server: MinedServer, point: Point, url: str) -> Any:
    """Have a run end, or begin to end, and the server die at a point; give the endpoint."""
    server.points = [point]
    server.start()
    endpoint = create_endpoint(server, url, ALL)
    eval_id = create_eval(server, EXACT)
    row = {"item": {"answer": "a"}, "sample": {"output_text": "a"}}
    body = {"data_source": given([row])}
    server.ask_and_see_it_die("POST", f"/v1/evals/{eval_id}/runs", body)
    server.died()
    return endpoint


def delivered(server: EvaldServer, endpoint: Any) -> Any:
    """Give the one delivery to an endpoint as soon as it has arrived."""

    def arrived() -> Any:
        found = deliveries(server, endpoint)
        return found if found and found[0]["status"] == "delivered" else None

    (delivery,) = until(arrived)
    return delivery


@pytest.mark.parametrize("point", NOT_ENDED, ids=str)
def test_a_run_that_did_not_end_has_no_event_and_then_has_one(
    mined_server: MinedServer, point: Point
) -> None:
    with Receiver() as receiver:
        endpoint = die_at(mined_server, point, receiver.url)
        assert set(statuses(mined_server).values()) == {"in_progress"}
        assert saved_deliveries(mined_server) == []

        mined_server.restart()

        delivery = delivered(mined_server, endpoint)
        assert [each.id for each in receiver.received] == [delivery["id"]]


@pytest.mark.parametrize("point", ENDED, ids=str)
def test_a_run_that_ended_is_told_after_the_next_start(
    mined_server: MinedServer, point: Point
) -> None:
    with Receiver() as receiver:
        endpoint = die_at(mined_server, point, receiver.url)
        assert set(statuses(mined_server).values()) == {"completed"}
        ((webhook_id, run_id, status),) = saved_deliveries(mined_server)
        assert status == "pending"
        assert receiver.received == []

        mined_server.restart()

        assert delivered(mined_server, endpoint)["id"] == webhook_id
        (received,) = receiver.received
    assert (received.id, received.event["data"]["id"]) == (webhook_id, run_id)


@pytest.mark.parametrize("point", SENT, ids=str)
def test_a_webhook_whose_arrival_was_not_saved_comes_again_under_the_same_id(
    mined_server: MinedServer, point: Point
) -> None:
    with Receiver() as receiver:
        endpoint = die_at(mined_server, point, receiver.url)
        (first,) = receiver.got(1)

        mined_server.restart()

        assert delivered(mined_server, endpoint)["id"] == first.id
        assert [each.id for each in receiver.received] == [first.id, first.id]
        assert len({each.body for each in receiver.received}) == 1


def test_a_server_stops_at_once_while_an_endpoint_hangs_and_sends_it_again_later(
    start_server: StartServer,
) -> None:
    server = start_server(webhook_timeout=300)
    with Receiver(HANGING, Reply()) as receiver:
        endpoint = create_endpoint(server, receiver.url)
        end_a_run(server)
        (first,) = receiver.got(1)

        assert server.stop() == 0

        server.start()
        assert delivered(server, endpoint)["attempts"] == 1
        assert [each.id for each in receiver.received] == [first.id, first.id]
    assert "Traceback" not in server.log()


def test_the_number_of_attempts_and_the_time_of_the_next_survive_a_restart(
    start_server: StartServer,
) -> None:
    server = start_server(webhook_first_retry=1000)
    with Receiver(Reply(500)) as receiver:
        endpoint = create_endpoint(server, receiver.url)
        end_a_run(server)
        before = until(lambda: [e for e in deliveries(server, endpoint) if e["attempts"] == 1])

        server.restart()
        end_a_run(server)
        receiver.got(2)

        assert deliveries(server, endpoint)[1] == before[0]
        assert len(receiver.received) == 2


def test_an_endpoint_that_leaves_the_config_file_is_gone_and_one_that_stays_keeps_its_id(
    start_server: StartServer,
) -> None:
    secret = "whsec_RdvaYFYUXuIFuEbvZHwMfYFhUf7aMYjYcmM24+Aj40c="
    table = '[webhooks.{}]\nurl = "http://127.0.0.1:9/{}"\nsecret_env = "HOOK"\n'
    config = table.format("a", 1) + table.format("b", 1)
    server = start_server(config, {"HOOK": secret})
    listed = {each["name"]: each for each in asked(server, "GET", "/v1/webhook_endpoints")["data"]}

    server.stop()
    (server.data_dir.parent / "evald.toml").write_text(table.format("b", 2) + table.format("c", 1))
    server.restart()

    later = {each["name"]: each for each in asked(server, "GET", "/v1/webhook_endpoints")["data"]}
    assert set(later) == {"b", "c"}
    assert later["b"]["id"] == listed["b"]["id"]
    assert later["b"]["url"] == "http://127.0.0.1:9/2"
    assert server.ask("GET", path_of(listed["a"])).status == 404


def test_a_canceled_run_is_told_after_a_death_behind_its_cancel(
    mined_server: MinedServer, models: ModelServer
) -> None:
    models.script(Step(hold="before"))
    with Receiver() as receiver:
        mined_server.points = [Point("evald.runs.ending:write_end", when="after")]
        mined_server.start()
        endpoint = create_endpoint(mined_server, receiver.url)
        run = create_run(mined_server, create_eval(mined_server), sampled(rows(3)))
        models.wait(held=3)
        mined_server.ask_and_see_it_die("POST", f"{path_of_run(run)}/cancel")
        mined_server.died()

        mined_server.restart()

        assert delivered(mined_server, endpoint)["event_type"] == "eval.run.canceled"
        assert receiver.received[-1].event["data"] == {"id": run["id"]}
