"""What the model server notices and counts, and how it starts and ends."""

import json
import socket
import threading
from urllib.parse import urlsplit

import pytest

from tests.model_server.asking import QUESTION, answer, begin
from tests.model_server.client import ModelServer
from tests.model_server.script import Fault, Step

UNFINISHED = {
    "delay": Step(delay_ms=60_000),
    "gap": Step(gap_ms=60_000),
    "hang before": Step(fault=Fault.HANG_BEFORE),
    "hang within": Step(fault=Fault.HANG_WITHIN),
    "slow endless": Step(fault=Fault.ENDLESS, gap_ms=1),
    "endless": Step(fault=Fault.ENDLESS),
    "huge": Step(fault=Fault.HUGE),
    "held before": Step(hold="before"),
    "held within": Step(hold="within"),
}


@pytest.mark.parametrize("step", UNFINISHED.values(), ids=UNFINISHED.keys())
@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_is_noticed_whatever_the_answer_does(
    models: ModelServer, step: Step, stream: bool
) -> None:
    models.script(step)
    connection = begin(models, stream=stream)
    models.wait(in_flight=1)

    connection.close()

    stats = models.wait(aborted=1, in_flight=0)
    assert (stats.started, stats.finished, len(stats.aborted_at)) == (1, 0, 1)
    assert stats.started_at[0] < stats.aborted_at[0]


def test_held_calls_go_on_when_they_are_released_and_not_before(models: ModelServer) -> None:
    models.script(Step(hold="before"))
    connections = [begin(models, content=f"row {number}") for number in range(3)]
    assert models.wait(held=3).finished == 0

    models.release(1)
    assert models.wait(finished=1).held == 2
    models.release()

    assert [connection.getresponse().status for connection in connections] == [200, 200, 200]
    assert models.wait(finished=3).max_in_flight == 3
    for connection in connections:
        connection.close()


def test_a_wait_ends_with_the_call_that_it_is_for(models: ModelServer) -> None:
    models.script(Step(hold="before"))
    answers: list[int] = []
    waiting = threading.Thread(target=lambda: answers.append(models.wait(held=1).held))
    waiting.start()

    connection = begin(models)

    waiting.join(timeout=10)
    connection.close()
    assert answers == [1]


def test_a_wait_in_vain_tells_the_numbers_that_were_reached(models: ModelServer) -> None:
    answer(models)

    with pytest.raises(TimeoutError, match="'started': 1"):
        models.wait(timeout=0.01, started=2)


def test_calls_are_counted_by_their_message_until_a_reset(models: ModelServer) -> None:
    for content in ("a", "b", "a"):
        answer(models, content=content)

    stats = models.stats()
    models.reset()

    assert stats.calls_by_message == {"a": 2, "b": 1}
    assert (stats.started, stats.finished, stats.in_flight) == (3, 3, 0)
    assert models.stats().calls_by_message == {}


def test_only_the_last_thousand_requests_are_kept_as_they_came(models: ModelServer) -> None:
    for number in range(1_003):
        answer(models, content=f"row {number}", seed=number)

    seen = models.requests()

    assert [request.body["seed"] for request in seen] == list(range(3, 1_003))


def test_a_request_that_comes_in_crumbs_and_two_at_once_are_read(models: ModelServer) -> None:
    body = json.dumps({"messages": [{"role": "user", "content": QUESTION}]}).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nCONTENT-LENGTH: %d\r\n\r\n" % len(body)
    address = urlsplit(models.url)

    with socket.create_connection((address.hostname, address.port), timeout=10) as client:
        for position in range(len(head + body)):
            client.sendall((head + body)[position : position + 1])
        client.sendall((head + body) * 2)
        models.wait(finished=3)

    assert models.stats().calls_by_message == {QUESTION: 3}


def test_the_process_ends_well_on_sigterm_with_calls_in_flight() -> None:
    with ModelServer() as server:
        server.script(Step(fault=Fault.HANG_BEFORE))
        connection = begin(server)
        server.wait(in_flight=1)

    connection.close()
    assert server.process.returncode == 0
