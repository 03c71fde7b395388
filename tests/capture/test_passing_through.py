"""A request that passes through: what the endpoint gets, and what the client is answered."""

import json
from typing import Any

import pytest

from tests.capture.asking import PATH, ask, request, stored
from tests.capture.conftest import KEY
from tests.model_server.client import ModelServer
from tests.model_server.script import Fault, Step
from tests.server import EvaldServer


def test_a_body_reaches_the_endpoint_as_it_was_sent(
    server: EvaldServer, models: ModelServer
) -> None:
    odd: Any = {"seed": 2**63 - 1, "top_k": 1.0, "of_the_day": {"deep": [None, "é"]}, "n": 1}

    assert ask(server, **odd).status == 200

    (seen,) = models.requests()
    assert seen.body == request(**odd)


@pytest.mark.parametrize("store", [True, False, None])
def test_what_is_said_to_evald_does_not_reach_the_endpoint(
    server: EvaldServer, models: ModelServer, store: bool | None
) -> None:
    assert ask(server, store=store, metadata={"a": "b"}, top_k=3).status == 200

    (seen,) = models.requests()
    assert seen.body == request(top_k=3)


def test_the_endpoint_gets_the_key_of_the_provider_and_nothing_of_the_client(
    server: EvaldServer, models: ModelServer
) -> None:
    ask(server)

    (seen,) = models.requests()
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert "of-a-client" not in str(seen.headers)


@pytest.mark.parametrize("prefix", ["/v1", "", "/openai/v1"])
def test_an_answer_is_the_answer_of_the_endpoint(
    server: EvaldServer, models: ModelServer, prefix: str
) -> None:
    said = '{ "choices": [{"message": {"content": "a"}}],\n "of the day": 1e2 }'
    models.script(Step(body=said))

    answer = server.ask("POST", f"{prefix}/chat/completions", request())

    assert (answer.status, answer.body.decode()) == (200, said)
    assert answer.headers["content-type"] == "application/json"


def test_an_error_of_the_endpoint_is_passed_on_with_what_it_says_about_retries(
    server: EvaldServer, models: ModelServer
) -> None:
    told = {"retry-after": "7", "retry-after-ms": "7000", "x-should-retry": "false"}
    told |= {"x-ratelimit-remaining-tokens": "0"}
    hidden = {"set-cookie": "a=b", "keep-alive": "timeout=5", "openai-organization": "org-1"}
    models.script(Step(status=429, message="slow down", headers={**told, **hidden}))

    answer = ask(server, store=True, metadata={"case": "refused"})

    assert answer.status == 429
    assert answer.json["error"]["message"] == "slow down"
    assert {key: answer.headers.get(key) for key in told} == told
    assert answer.headers.keys().isdisjoint(hidden)
    assert answer.headers["x-request-id"].startswith("req_")
    assert models.stats().started == 1  # the client decides about another try
    assert stored(server, case="refused") == []


@pytest.mark.parametrize("stream", [True, False])
def test_the_key_of_the_provider_never_reaches_the_client(
    server: EvaldServer, models: ModelServer, stream: bool
) -> None:
    words = f"Incorrect API key provided: {KEY}."
    refusal = Step(status=401, message=words, headers={"x-ratelimit-reset-tokens": KEY})
    models.script(refusal, Step(text=words), per="rule")

    answers = [ask(server, stream=stream) for _ in range(2)]

    assert [answer.status for answer in answers] == [401, 200]
    for answer in answers:
        assert KEY not in f"{answer.headers} {answer.body.decode()}"
        assert "[key]" in answer.body.decode()


def test_a_model_that_no_provider_serves_is_a_404(server: EvaldServer, models: ModelServer) -> None:
    answer = ask(server, model="unheard-of")

    assert answer.status == 404
    assert (answer.json["error"]["param"], answer.json["error"]["code"]) == (
        "model",
        "model_not_found",
    )
    assert models.stats().started == 0


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"messages": []}', b'{"model": ""}'])
def test_a_body_without_a_model_is_refused_here(
    server: EvaldServer, models: ModelServer, body: bytes
) -> None:
    answer = server.ask("POST", PATH, body)

    assert answer.status == 400
    assert answer.json["error"]["type"] == "invalid_request_error"
    assert models.stats().started == 0


def test_an_endpoint_that_is_not_there_is_a_502(server: EvaldServer) -> None:
    answer = ask(server, model="nowhere")

    assert (answer.status, answer.json["error"]["code"]) == (502, "connection_error")


@pytest.mark.parametrize("stream", [True, False])
def test_an_endpoint_that_hangs_is_given_up_after_the_timeout_of_its_provider(
    server: EvaldServer, models: ModelServer, stream: bool
) -> None:
    models.script(Step(fault=Fault.HANG_BEFORE))

    answer = ask(server, model="hasty", stream=stream)

    assert (answer.status, answer.json["error"]["code"]) == (502, "timeout")
    assert "first_byte_timeout" in answer.json["error"]["message"]
    models.wait(aborted=1)


def test_an_endpoint_that_is_cut_off_is_a_502(server: EvaldServer, models: ModelServer) -> None:
    models.script(Step(fault=Fault.CUT_WITHIN))

    answer = ask(server, store=True, metadata={"case": "cut"})

    assert (answer.status, answer.json["error"]["code"]) == (502, "connection_error")
    assert stored(server, case="cut") == []


def test_a_redirect_is_not_followed(server: EvaldServer, models: ModelServer) -> None:
    models.script(Step(status=307, headers={"location": f"{models.url}/elsewhere"}))

    answer = ask(server)

    assert (answer.status, answer.json["error"]["code"]) == (502, "upstream_error")


def test_an_answer_that_is_no_completion_is_passed_on_and_not_stored(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(body=json.dumps({"choices": []})))

    answer = ask(server, store=True, metadata={"case": "no completion"})

    assert (answer.status, answer.json) == (200, {"choices": []})
    assert stored(server, case="no+completion") == []


def test_a_body_that_cannot_be_written_again_is_refused_where_it_must_be(
    server: EvaldServer, models: ModelServer
) -> None:
    deep = b'"deep": ' + b"[" * 500 + b"]" * 500
    body = json.dumps(request()).encode()[:-1] + b", " + deep

    assert server.ask("POST", PATH, body + b"}").status == 200
    assert server.ask("POST", PATH, body + b', "store": true}').status == 400
    assert models.stats().started == 1
