"""Two servers on one database answer as one, and what is to be done once is done once."""

import json
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from evald.contract.files import File
from evald.contract.projects import DEFAULT_PROJECT
from evald.store import files as file_store
from tests.on_postgres.pair import PUBLIC_PORT, Pair, on_both, running_pair, stopped
from tests.postgres import PostgresServer
from tests.runs.making import asked, create_eval
from tests.server import EvaldServer
from tests.waiting import until
from tests.webhooks.hooking import ENDPOINTS, create_endpoint, deliveries, path_of
from tests.webhooks.receiver import Receiver, Reply

HANGING = Reply(fault="hang")
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def pair(own_postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Give two servers that began at the same moment, on a database that was empty."""
    with running_pair(own_postgres.new_database(), tmp_path_factory.mktemp("pair")) as running:
        yield running


def statuses(server: EvaldServer, endpoint: Any) -> Counter[str]:
    """Give how many deliveries to an endpoint have which status."""
    return Counter(each["status"] for each in deliveries(server, endpoint))


def test_what_one_makes_the_other_has_and_both_name_the_same_place(pair: Pair) -> None:
    first, second = pair.asked
    eval_id = create_eval(first)

    assert asked(second, "GET", f"/v1/evals/{eval_id}")["id"] == eval_id
    assert second.ask("DELETE", f"/v1/evals/{eval_id}").status == 200
    assert first.ask("GET", f"/v1/evals/{eval_id}").status == 404
    assert "used by 2 evald processes now" in " ".join(pair.evald("doctor").split())


def test_a_create_that_both_get_with_one_key_makes_one(pair: Pair) -> None:
    body = {
        "name": "made once",
        "data_source_config": {"type": "custom", "item_schema": {"type": "object"}},
        "testing_criteria": [],
    }
    made = []
    for number in range(8):
        headers = {"idempotency-key": f"key {number}"}
        answers = on_both(pair, "POST", "/v1/evals", body, headers)
        assert [each.status for each in answers] == [201, 201]
        made.append({each.json["id"] for each in answers})

    assert [len(ids) for ids in made] == [1] * 8
    listed = asked(pair.asked[0], "GET", "/v1/evals?limit=100")["data"]
    ours = {each["id"] for each in listed if each["name"] == "made once"}
    assert ours == set().union(*made)


def test_answers_that_both_take_in_at_once_are_kept_once(pair: Pair) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "4"}, "finish_reason": "stop"}
    answer = {"object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    request = {"model": "m", "messages": [{"role": "user", "content": "2 + 2"}]}
    lines = [
        json.dumps({"request": request, "response": {**answer, "id": f"chatcmpl-{number}"}})
        for number in range(600)
    ]

    answers = on_both(pair, "POST", "/v1/chat/completions/import", "\n".join(lines).encode())

    assert [each.status for each in answers] == [200, 200]
    outcomes = [each.json for each in answers]
    assert sum(each["imported"] for each in outcomes) == len(lines)
    assert sum(each["existing"] for each in outcomes) == len(lines)


def test_a_key_that_is_revoked_is_taken_nowhere_and_a_reader_is_signed_in_everywhere(
    pair: Pair,
) -> None:
    secret = pair.evald("keys", "create", "--name", "gone")
    reader = [server.with_key(secret) for server in pair.servers]
    assert [each.ask("GET", "/v1/evals").status for each in reader] == [200, 200]
    signed_in = pair.servers[0].ask("POST", "/sign-in", f"key={secret}".encode(), FORM)
    cookie = {"cookie": signed_in.headers["set-cookie"].partition(";")[0]}
    assert cookie["cookie"].startswith(f"evald_session_{PUBLIC_PORT}=")
    assert [each.ask("GET", "/", headers=cookie).status for each in pair.servers] == [200, 200]

    (key_id,) = [
        line.split()[0] for line in pair.evald("keys", "list").splitlines() if " gone " in line
    ]
    pair.evald("keys", "revoke", key_id)

    assert [each.ask("GET", "/v1/evals").status for each in reader] == [401, 401]
    assert [each.ask("GET", "/", headers=cookie).status for each in pair.servers] == [303, 303]


def test_events_that_another_process_recorded_are_each_sent_once(pair: Pair) -> None:
    server = pair.asked[0]
    with Receiver() as one, Receiver() as other:
        endpoints = [create_endpoint(server, each.url) for each in (one, other)]
        for _ in range(4):
            pair.record_events(10)

        for endpoint, receiver in zip(endpoints, (one, other), strict=True):
            until(lambda to=endpoint: statuses(server, to) == {"delivered": 40})  # type: ignore[misc]
            assert sorted(Counter(each.id for each in receiver.received).values()) == [1] * 40
            assert server.ask("DELETE", path_of(endpoint)).status == 200


def test_what_a_server_sends_that_stands_still_is_sent_by_the_other(pair: Pair) -> None:
    first, second = pair.servers
    with Receiver(HANGING, Reply()) as receiver:
        endpoint = create_endpoint(pair.asked[0], receiver.url)
        with stopped(first):
            pair.record_events(1)
            (sent,) = receiver.got(1)
        with stopped(second):
            assert receiver.got(2)[1].id == sent.id
            until(lambda: statuses(pair.asked[0], endpoint) == {"delivered": 1})
    # The other one goes on, and its attempt breaks: that changes nothing.
    with Receiver() as later:
        create_endpoint(pair.asked[0], later.url)
        pair.record_events(3)
        later.got(3)
    assert [each["attempts"] for each in deliveries(pair.asked[1], endpoint)][-1] == 1
    for each in asked(pair.asked[0], "GET", ENDPOINTS)["data"]:
        pair.asked[0].ask("DELETE", path_of(each))


def named(server: EvaldServer) -> dict[str, str]:
    """Give the endpoints of config files: the id of each by its name."""
    found = asked(server, "GET", ENDPOINTS)["data"]
    return {each["name"]: each["id"] for each in found if each["evald"]["config_name"]}


def test_a_start_leaves_alone_what_another_server_is_at(pair: Pair) -> None:
    first, second = pair.asked
    before = named(second)
    begin_uploads(pair)

    pair.servers[1].restart()

    assert named(second) == before
    assert before.keys() == {"shared", "mine"}
    refused = second.ask("POST", path_of({"id": before["mine"]}, "/test"), SAMPLE)
    assert "config file of another server" in refused.json["error"]["message"]
    refused = first.ask("POST", path_of({"id": before["mine"]}, "/test"), SAMPLE)
    assert "takes no connections" in refused.json["error"]["message"]
    assert pair.write(finish("file-going-on"))
    assert not pair.write(finish("file-left"))


SAMPLE = {"event_type": "eval.run.succeeded"}


def begin_uploads(pair: Pair) -> None:
    """Have one upload under way, and one whose server died long ago."""
    for name in ("going-on", "left"):
        file = File(f"file-{name}", DEFAULT_PROJECT, 0, 1, None, "rows.jsonl", "evals")
        pair.write(partial(file_store.begin_upload, file=file, receiver=name))
    pair.write(end_the_lease)


async def end_the_lease(connection: Any) -> None:
    await connection.exec_driver_sql("UPDATE leases SET until = 0 WHERE holder = 'left'")


def finish(file_id: str) -> Any:
    receiver = file_id.removeprefix("file-")
    return partial(file_store.finish_upload, file_id=file_id, size=0, receiver=receiver)


def test_when_a_server_is_killed_the_other_sends_and_forgets_what_that_one_alone_had(
    pair: Pair,
) -> None:
    first, second = pair.servers
    with Receiver(HANGING, Reply()) as receiver:
        endpoint = create_endpoint(pair.asked[1], receiver.url)
        with stopped(second):
            pair.record_events(1)
            receiver.got(1)
        first.kill()
        try:
            receiver.got(2)
            until(lambda: statuses(pair.asked[1], endpoint) == {"delivered": 1})
            second.restart()

            assert named(pair.asked[1]).keys() == {"shared"}
        finally:
            first.restart()
    assert named(pair.asked[1]).keys() == {"shared", "mine"}
