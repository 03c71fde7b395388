"""Responses that pass through: what the endpoint gets, what the client reads, what is kept."""

import json
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.capture.asking import opened, sent
from tests.capture.conftest import KEY
from tests.model_server.client import ModelServer
from tests.model_server.script import Fault, Step
from tests.server import Answer, EvaldServer

PATH = "/v1/responses"
TEXT = "one two three four five six"
EVENTS = {"content-type": "text/event-stream"}


def request(text: str = "Say hi.", **also: Any) -> dict[str, Any]:
    return {"model": "scripted", "input": text, **also}


def ask(server: EvaldServer, text: str = "Say hi.", **also: Any) -> Answer:
    return server.ask("POST", PATH, request(text, **also), {"authorization": "Bearer of-a-client"})


def kept(server: EvaldServer, response_id: str) -> Answer:
    return server.ask("GET", f"{PATH}/{response_id}")


def events_of(answer: bytes) -> list[Any]:
    """Give the events of a stream."""
    lines = [line for line in answer.splitlines() if line.startswith(b"data:")]
    return [json.loads(line[5:]) for line in lines if line != b"data: [DONE]"]


@pytest.mark.parametrize("prefix", ["/v1", "", "/openai/v1"])
@pytest.mark.parametrize("store", [True, False, None])
def test_a_request_reaches_the_endpoint_as_it_was_sent(
    server: EvaldServer, models: ModelServer, prefix: str, store: bool | None
) -> None:
    body = request(store=store, metadata={"a": "b"}, top_k=3, previous_response_id="resp_elsewhere")

    answer = server.ask("POST", f"{prefix}/responses", body)

    assert answer.status == 200
    (seen,) = models.requests()
    assert seen.body == body
    assert seen.headers["authorization"] == f"Bearer {KEY}"


def test_an_answer_is_the_answer_of_the_endpoint(server: EvaldServer, models: ModelServer) -> None:
    said = '{ "id": "resp_odd", "output": [],\n "of the day": 1e2 }'
    models.script(Step(body=said))

    answer = ask(server)

    assert (answer.status, answer.body.decode()) == (200, said)
    assert answer.headers["content-type"] == "application/json"


def test_an_error_of_the_endpoint_is_passed_on(server: EvaldServer, models: ModelServer) -> None:
    models.script(Step(status=429, message="slow down", headers={"retry-after": "7"}))

    answer = ask(server)

    assert (answer.status, answer.headers["retry-after"]) == (429, "7")
    assert answer.json["error"]["message"] == "slow down"
    assert models.stats().started == 1  # the client decides about another try


def test_the_response_is_kept_before_its_answer_is_whole(
    server: EvaldServer, models: ModelServer
) -> None:
    asked: Any = {"metadata": {"case": "kept"}, "instructions": "Be brief.", "user": "ada"}

    answer = ask(server, **asked)

    found = kept(server, answer.json["id"]).json
    for key, value in {**answer.json, **asked}.items():
        assert found[key] == value, key


@pytest.mark.parametrize("stream", [True, False])
def test_a_response_is_kept_unless_it_is_not_to_be(
    server: EvaldServer, models: ModelServer, stream: bool
) -> None:
    for store, status in ((True, 200), (None, 200), (False, 404)):
        said = {"id": f"resp_{stream}_{store}", "object": "response", "output": []}
        whole, events = Step(body=json.dumps(said)), Step(body=streamed(said), headers=EVENTS)
        models.script(events if stream else whole)

        ask(server, store=store, stream=stream)

        assert kept(server, said["id"]).status == status  # type: ignore[arg-type]


def streamed(response: Any, end: str = "response.completed") -> str:
    """Give the shortest stream that ends with a response."""
    created = {"type": "response.created", "response": {"id": response["id"], "output": []}}
    last = {"type": end, "response": response}
    return "".join(
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in (created, last)
    )


def test_a_streamed_response_is_kept_as_if_it_had_come_whole(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(text=TEXT))
    whole = ask(server, metadata={"a": "b"})
    stream = ask(server, stream=True, metadata={"a": "b"})

    streamed_id = events_of(stream.body)[-1]["response"]["id"]

    once, found = kept(server, whole.json["id"]).json, kept(server, streamed_id).json
    assert found["output"][0]["content"][0]["text"] == TEXT
    own = ("id", "output")
    assert {**found, **dict.fromkeys(own)} == {**once, **dict.fromkeys(own)}


def test_a_stream_is_the_stream_of_the_endpoint(server: EvaldServer, models: ModelServer) -> None:
    models.script(Step(text=TEXT, gap_ms=2))
    body = request(stream=True)

    passed = ask(server, stream=True)

    assert passed.headers["content-type"] == "text/event-stream"
    assert [event["type"] for event in events_of(passed.body)] == [
        event["type"] for event in events_of(straight_from(models, body))
    ]


def straight_from(models: ModelServer, body: dict[str, Any]) -> bytes:
    connection = HTTPConnection(urlsplit(models.url).netloc)
    try:
        connection.request("POST", PATH, json.dumps(body))
        return connection.getresponse().read()
    finally:
        connection.close()


def test_what_has_come_is_passed_on_while_the_endpoint_still_writes(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(text=TEXT, hold="within"))

    with opened(server, request(stream=True), PATH) as answer:
        models.wait(held=1)
        begun = answer.read1()
        while b'"delta":"one' not in begun:
            begun += answer.read1()
        assert b'"delta":"six' not in begun
        models.release()
        assert b"response.completed" in answer.read()


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_before_the_first_byte_stops_the_endpoint(
    server: EvaldServer, models: ModelServer, stream: bool
) -> None:
    models.script(Step(fault=Fault.HANG_BEFORE))

    with sent(server, request(stream=stream), PATH):
        models.wait(in_flight=1)

    assert models.wait(aborted=1).in_flight == 0


def test_a_client_that_leaves_a_stream_stops_the_endpoint(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(text=TEXT, hold="within"))

    with opened(server, request(stream=True), PATH) as answer:
        models.wait(held=1)
        assert answer.read1()

    assert models.wait(aborted=1).in_flight == 0


def test_no_more_calls_are_under_way_than_the_provider_allows_with_chat(
    server: EvaldServer, models: ModelServer
) -> None:
    chat = {"model": "scripted", "messages": [{"role": "user", "content": "chat"}]}
    models.script(Step(hold="before"))

    with sent(server, request("a"), PATH) as first, sent(server, chat) as second:
        models.wait(held=2)
        with sent(server, request("b"), PATH) as third:
            server.ask("GET", "/healthz")  # what was sent before it has been read by now
            assert models.stats().started == 2
            models.release()
            assert [each.getresponse().status for each in (first, second, third)] == [200] * 3

    assert models.stats().max_in_flight == 2


NOT_WHOLE: dict[str, str] = {
    "failed": streamed({"id": "resp_failed", "status": "failed", "output": []}, "response.failed"),
    "no end": 'data: {"type": "response.created", "response": {"id": "resp_no-end"}}\n\n',
    "an error": 'data: {"type": "error", "message": "no"}\n\n'
    + streamed({"id": "resp_an-error", "output": []}),
    "no output": streamed({"id": "resp_no-output", "output": None, "status": "in_progress"}),
    "broken JSON": 'data: {"type": "response.completed", "response": {"id"\n\n',
}


@pytest.mark.parametrize("name", NOT_WHOLE)
def test_a_stream_that_is_not_whole_is_passed_on_and_not_kept(
    server: EvaldServer, models: ModelServer, name: str
) -> None:
    models.script(Step(body=NOT_WHOLE[name], headers=EVENTS))

    answer = ask(server, stream=True)

    assert (answer.status, answer.body.decode()) == (200, NOT_WHOLE[name])
    assert kept(server, f"resp_{name.replace(' ', '-')}").status == 404


@pytest.mark.parametrize("status", ["failed", "queued", "in_progress", "cancelled"])
def test_a_response_that_has_not_come_to_its_end_is_not_kept(
    server: EvaldServer, models: ModelServer, status: str
) -> None:
    said = {"id": f"resp_{status}", "object": "response", "status": status, "output": []}
    models.script(Step(body=json.dumps(said)))

    assert ask(server).json == said
    assert kept(server, f"resp_{status}").status == 404


def test_a_response_that_was_cut_off_by_its_limit_is_kept(
    server: EvaldServer, models: ModelServer
) -> None:
    said = {"id": "resp_cut", "status": "incomplete", "output": []}
    models.script(Step(body=streamed(said, "response.incomplete"), headers=EVENTS))

    ask(server, stream=True)

    assert kept(server, "resp_cut").json["status"] == "incomplete"


def test_output_that_is_missing_in_the_last_event_is_taken_from_those_before(
    server: EvaldServer, models: ModelServer
) -> None:
    item = {"type": "message", "role": "assistant", "content": []}
    done = {"type": "response.output_item.done", "output_index": 0, "item": item}
    models.script(
        Step(
            body=f"data: {json.dumps(done)}\n\n" + streamed({"id": "resp_bare", "output": []}),
            headers=EVENTS,
        )
    )

    ask(server, stream=True)

    assert kept(server, "resp_bare").json["output"] == [item]


@pytest.mark.parametrize("fault", [Fault.CUT_WITHIN, Fault.HANG_WITHIN])
def test_a_stream_that_breaks_ends_with_an_error(
    server: EvaldServer, models: ModelServer, fault: Fault
) -> None:
    models.script(Step(text=TEXT, fault=fault))

    answer = ask(server, model="hasty", stream=True)

    *_, last, rest = answer.body.split(b"\n\n")
    assert (answer.status, rest) == (200, b"")
    assert last.startswith(b'data: {"error":')


@pytest.mark.parametrize(
    ("also", "param"),
    [
        ({"model": None}, "model"),
        ({"store": "yes"}, "store"),
        ({"background": True}, "background"),
        ({"metadata": {"k": "v" * 513}}, "metadata"),
    ],
)
def test_what_evald_cannot_do_is_refused_before_the_model_is_asked(
    server: EvaldServer, models: ModelServer, also: Any, param: str
) -> None:
    answer = ask(server, **also)

    assert (answer.status, answer.json["error"]["param"]) == (400, param)
    assert models.stats().started == 0


def test_a_model_that_no_provider_serves_is_a_404(server: EvaldServer, models: ModelServer) -> None:
    answer = ask(server, model="unheard-of")

    assert (answer.status, answer.json["error"]["code"]) == (404, "model_not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("DELETE", ""), ("GET", "/input_items"), ("POST", "/cancel")],
)
def test_an_unknown_id_is_a_404(server: EvaldServer, method: str, path: str) -> None:
    answer = server.ask(method, f"{PATH}/resp_unknown{path}", b"" if method == "POST" else None)

    assert answer.status == 404
    assert answer.json["error"]["type"] == "invalid_request_error"
    assert "resp_unknown" in answer.json["error"]["message"]


def test_the_same_id_twice_is_kept_twice(server: EvaldServer, models: ModelServer) -> None:
    models.script(Step(body=json.dumps({"id": "resp_again", "output": []})))

    for number in "12":
        ask(server, metadata={"number": number})

    assert kept(server, "resp_again").json["metadata"] == {"number": "1"}
