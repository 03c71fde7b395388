"""What can go wrong with an answer."""

import json
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

import pytest

from tests.model_server.asking import answer, begin, chunks, joined
from tests.model_server.client import ModelServer
from tests.model_server.script import Fault, Step


@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_an_error_has_the_scripted_status_message_and_headers(
    models: ModelServer, status: int
) -> None:
    models.script(Step(status=status, message="not now", headers={"retry-after-ms": "20"}))

    response, body = answer(models, stream=True)

    assert (response.status, response.headers["retry-after-ms"]) == (status, "20")
    assert json.loads(body)["error"]["message"] == "not now"


def test_a_refused_parameter_is_named_and_all_others_are_taken(models: ModelServer) -> None:
    models.script(Step(refuse=["stream_options"]))

    refused, body = answer(models, stream=True, stream_options={"include_usage": True})
    taken, _ = answer(models, stream=True)

    assert (refused.status, json.loads(body)["error"]["param"]) == (400, "stream_options")
    assert taken.status == 200


def test_an_answer_can_be_any_text(models: ModelServer) -> None:
    models.script(Step(status=502, body="<html>", headers={"content-type": "text/html"}))

    response, body = answer(models)

    assert (response.status, response.headers["content-type"]) == (502, "text/html")
    assert body == b"<html>"


def test_a_header_can_hold_bytes_that_are_no_utf8(models: ModelServer) -> None:
    models.script(Step(status=307, headers={"location": "/\xff"}))

    response, _ = answer(models)

    assert response.headers["location"] == "/\xff"


@pytest.mark.parametrize("stream", [False, True])
def test_broken_json_comes_with_status_200(models: ModelServer, stream: bool) -> None:
    models.script(Step(fault=Fault.BROKEN_JSON))

    response, body = answer(models, stream=stream)

    assert response.status == 200
    with pytest.raises(json.JSONDecodeError):
        _ = chunks(body) if stream else json.loads(body)


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_can_hold_bytes_that_are_no_utf8(models: ModelServer, stream: bool) -> None:
    models.script(Step(fault=Fault.NOT_UTF8))

    _, body = answer(models, stream=stream)

    with pytest.raises(UnicodeDecodeError):
        body.decode()


def test_a_stream_can_close_in_order_without_an_end(models: ModelServer) -> None:
    models.script(Step(fault=Fault.UNENDED))

    _, body = answer(models, stream=True)

    assert b'"What "' in body
    assert b"[DONE]" not in body
    assert b'"stop"' not in body


def test_a_stream_can_turn_into_an_error(models: ModelServer) -> None:
    models.script(Step(fault=Fault.ERROR_WITHIN, message="out of memory"))

    _, body = answer(models, stream=True)

    assert chunks(body)[-1]["error"]["message"] == "out of memory"


def test_json_can_come_where_a_stream_was_asked_for(models: ModelServer) -> None:
    models.script(Step(fault=Fault.JSON_FOR_STREAM))

    response, body = answer(models, stream=True)

    assert response.headers["content-type"] == "application/json"
    assert json.loads(body)["object"] == "chat.completion"


@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE, Fault.CUT_WITHIN])
@pytest.mark.parametrize("stream", [False, True])
def test_a_cut_answer_is_incomplete_and_counts_as_finished(
    models: ModelServer, fault: Fault, stream: bool
) -> None:
    models.script(Step(fault=fault))

    with pytest.raises((HTTPException, ConnectionError)):
        answer(models, stream=stream)

    assert models.wait(finished=1, in_flight=0).aborted == 0


@pytest.mark.parametrize("stream", [False, True])
def test_a_huge_answer_comes_whole(models: ModelServer, stream: bool) -> None:
    models.script(Step(fault=Fault.HUGE, size_mib=3))

    _, body = answer(models, stream=stream)

    text = joined(body) if stream else json.loads(body)["choices"][0]["message"]["content"]
    assert text == "x" * (3 * 1024 * 1024)


@pytest.mark.parametrize("fault", [Fault.HANG_WITHIN, Fault.ENDLESS])
def test_a_stream_that_hangs_or_never_ends_has_begun(models: ModelServer, fault: Fault) -> None:
    models.script(Step(fault=fault))
    connection = begin(models, stream=True)

    response = connection.getresponse()
    first = response.readline()
    response.close()
    connection.close()

    assert first.startswith(b"data: {")
    assert models.wait(aborted=1).finished == 0


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"messages": [1]}', b'{"model": "m"}'])
def test_a_body_that_is_no_chat_request_gets_400(models: ModelServer, body: bytes) -> None:
    connection = HTTPConnection(urlsplit(models.url).netloc, timeout=10)

    connection.request("POST", "/v1/chat/completions", body)
    status = connection.getresponse().status
    connection.close()

    assert status == 400
