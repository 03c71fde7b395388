"""Endpoints that are not where the settings say: the error tells what to change, at once."""

import pytest

from tests.model_server.client import ModelServer
from tests.model_server.script import Step
from tests.sampling.asking import QUESTION, MakeSampler, ask, failure, message_of

HINT = (
    "which is not followed; set the provider's base_url to that address without /chat/completions"
)
PAGE = "<!doctype html><title>Open the chat</title>"
JSON_ANSWER = '{"choices": [{"index": 0, "message": {"role": "assistant", "content": "4"}}]}'

WHOLE = "https://models.example/v1/chat/completions"
TARGETS = {
    "whole": (WHOLE, WHOLE),
    "with what may be secret": (
        "https://me:word@models.example/login?state=42#top",
        "https://models.example/login",
    ),
    "very long": (f"https://models.example/{'x' * 900}", f"https://models.example/{'x' * 177}"),
    "with what is no text": ("https://models.example/\xff", "https://models.example/?"),
    "no address": ("https://[here", "https://[here"),
}


@pytest.mark.parametrize(("location", "target"), TARGETS.values(), ids=TARGETS.keys())
@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed_and_its_error_names_the_target(
    models: ModelServer, sampler: MakeSampler, status: int, location: str, target: str
) -> None:
    models.script(Step(status=status, headers={"location": location}, body=PAGE), Step())

    error = await failure(sampler())

    assert error.message == f"{status} from scripted: it redirects to {target}, {HINT}"
    assert (error.code, error.attempts, models.stats().started) == ("invalid_request", 1, 1)


async def test_the_target_of_a_redirect_on_the_same_host_is_a_whole_address(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script(Step(status=307, headers={"location": "/api/v1/chat/completions"}))

    error = await failure(sampler())

    host = models.url.removesuffix("/v1")
    assert f"redirects to {host}/api/v1/chat/completions, which" in error.message


async def test_a_redirect_to_nowhere_is_given_with_its_own_words(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script(Step(status=304, body=""))

    error = await failure(sampler())

    assert error.message == "304 from scripted: Not Modified"


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "text/plain"])
@pytest.mark.parametrize("body", [PAGE, "not here", ""])
@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_of_another_type_that_is_no_json_names_the_type_and_is_not_asked_again(
    models: ModelServer, sampler: MakeSampler, kind: str, body: str, stream: bool
) -> None:
    models.script(Step(body=body, headers={"content-type": kind}), Step())

    error = await failure(sampler(stream=stream))

    assert error.message == (
        f"200 from scripted: an answer of type {kind.partition(';')[0]}, which is no JSON; "
        "check the provider's base_url, which may lack /v1"
    )
    assert (error.code, error.attempts, models.stats().started) == ("invalid_response", 1, 1)


@pytest.mark.parametrize("kind", ["text/plain", "text/html", "application/octet-stream"])
async def test_json_of_another_type_is_an_answer(
    models: ModelServer, sampler: MakeSampler, kind: str
) -> None:
    models.script(Step(body=JSON_ANSWER, headers={"content-type": kind}))

    completion = await ask(sampler())

    assert (message_of(completion)["content"], completion.attempts) == ("4", 1)


@pytest.mark.parametrize(
    "kind", ["application/json", "application/problem+json; charset=utf-8", "text/plain"]
)
async def test_json_that_breaks_off_is_asked_for_again_whatever_its_type(
    models: ModelServer, sampler: MakeSampler, kind: str
) -> None:
    models.script(Step(body=JSON_ANSWER[:30], headers={"content-type": kind}), Step())

    completion = await ask(sampler())

    assert (message_of(completion)["content"], completion.attempts) == (QUESTION, 2)
