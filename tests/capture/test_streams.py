"""Streams that pass through: piece by piece, stopped with their client, stored when they are whole."""

import json
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, IncompleteRead
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.capture.asking import PATH, ask, opened, request, sent, stored
from tests.model_server.client import ModelServer
from tests.model_server.script import Fault, Step
from tests.server import EvaldServer
from tests.waiting import until

TEXT = "one two three four five six"


def test_what_has_come_is_passed_on_while_the_endpoint_still_writes(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(text=TEXT, hold="within"))

    with opened(server, request(stream=True, store=True)) as answer:
        models.wait(held=1)
        begun = answer.read1()
        while b"two" not in begun:
            begun += answer.read1()
        assert b"six" not in begun
        models.release()
        assert answer.read().endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("store", [True, False])
def test_a_stream_is_the_stream_of_the_endpoint(
    server: EvaldServer, models: ModelServer, store: bool
) -> None:
    options: Any = {"stream": True, "stream_options": {"include_usage": True}}
    models.script(Step(text=TEXT, gap_ms=2))

    passed = ask(server, store=store, **options)

    direct = straight_from(models, request(**options))
    assert passed.headers["content-type"] == "text/event-stream"
    assert without_ids(passed.body) == without_ids(direct)


def straight_from(models: ModelServer, body: dict[str, Any]) -> bytes:
    connection = HTTPConnection(urlsplit(models.url).netloc)
    try:
        connection.request("POST", PATH, json.dumps(body))
        return connection.getresponse().read()
    finally:
        connection.close()


def without_ids(stream: bytes) -> list[bytes]:
    return [event.partition(b'"object"')[2] for event in stream.split(b"\n\n")]


@pytest.mark.parametrize("store", [True, False])
def test_a_client_that_leaves_a_stream_stops_the_endpoint(
    server: EvaldServer, models: ModelServer, store: bool
) -> None:
    models.script(Step(fault=Fault.ENDLESS, gap_ms=5))
    case = {"case": f"left-{store}"}

    with opened(server, request(stream=True, store=store, metadata=case)) as answer:
        assert answer.read(200)

    assert models.wait(aborted=1).in_flight == 0
    assert stored(server, **case) == []


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_before_the_first_byte_stops_the_endpoint(
    server: EvaldServer, models: ModelServer, stream: bool
) -> None:
    models.script(Step(fault=Fault.HANG_BEFORE))

    with sent(server, request(stream=stream, store=True)):
        models.wait(in_flight=1)

    assert models.wait(aborted=1).in_flight == 0


def test_a_client_that_leaves_while_it_waits_for_its_turn_makes_no_call(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(hold="before"))

    with sent(server, request("a")) as first, sent(server, request("b")) as second:
        models.wait(held=2)
        with sent(server, request("c")):
            server.ask("GET", "/healthz")  # what was sent before it has been read by now
        server.ask("GET", "/healthz")
        models.release()
        assert [each.getresponse().status for each in (first, second)] == [200, 200]

    assert ask(server, "d").status == 200
    assert models.stats().calls_by_message == {"a": 1, "b": 1, "d": 1}


def test_no_more_calls_are_under_way_than_the_provider_allows(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(text=TEXT, gap_ms=2))

    with ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda number: ask(server, str(number), stream=True), range(16)))

    assert [answer.status for answer in answers] == [200] * 16
    assert models.stats().max_in_flight == 2


FAULTS = {
    Fault.CUT_WITHIN: "connection_error",
    Fault.HANG_WITHIN: "timeout",
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("store", [True, False])
def test_a_stream_that_breaks_ends_with_an_error_and_is_not_stored(
    server: EvaldServer, models: ModelServer, fault: Fault, store: bool
) -> None:
    models.script(Step(text=TEXT, fault=fault))
    case = {"case": f"{fault}-{store}"}

    answer = ask(server, model="hasty", stream=True, store=store, metadata=case)

    *_, last, rest = answer.body.split(b"\n\n")
    assert (answer.status, rest) == (200, b"")
    assert last.startswith(b'data: {"error":')
    assert f'"code":"{FAULTS[fault]}"'.encode() in last
    assert stored(server, **case) == []


@pytest.mark.parametrize(
    "fault", [Fault.ERROR_WITHIN, Fault.UNENDED, Fault.BROKEN_JSON, Fault.NOT_UTF8]
)
def test_a_stream_that_is_not_whole_is_passed_on_and_not_stored(
    server: EvaldServer, models: ModelServer, fault: Fault
) -> None:
    models.script(Step(text=TEXT, fault=fault))
    case = {"case": fault.value}

    answer = ask(server, stream=True, store=True, metadata=case)

    assert answer.status == 200
    assert b"one" in answer.body
    assert stored(server, **case) == []


def test_a_stream_without_its_last_event_is_stored_when_it_ends(
    server: EvaldServer, models: ModelServer
) -> None:
    events = (
        'data: {"id":"unmarked","choices":[{"index":0,"delta":{"content":"a"},'
        '"finish_reason":"stop"}]}\n\n'
    )
    models.script(Step(body=events, headers={"content-type": "text/event-stream"}))
    case = {"case": "unmarked"}

    answer = ask(server, stream=True, store=True, metadata=case)

    assert answer.body == events.encode()
    assert [each["choices"][0]["message"]["content"] for each in stored(server, **case)] == ["a"]


def test_one_body_although_a_stream_was_asked_for_is_stored_too(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(text=TEXT, fault=Fault.JSON_FOR_STREAM))
    case = {"case": "one body"}

    assert ask(server, stream=True, store=True, metadata=case).json["choices"]

    assert len(stored(server, case="one+body")) == 1


def test_a_server_that_is_stopped_lets_go_of_the_streams_that_pass_through(
    model_process: ModelServer, models: ModelServer, tmp_path: Any
) -> None:
    models.script(Step(fault=Fault.ENDLESS, gap_ms=5))

    with (
        EvaldServer(tmp_path, upstream=model_process.url) as server,
        opened(server, request(stream=True)) as answer,
    ):
        assert answer.read(100)
        assert server.stop() == 0
        with pytest.raises((IncompleteRead, OSError)):
            until(lambda: not answer.read(100_000))

    assert models.wait(aborted=1).in_flight == 0
