"""What is tried again, how often, and after how long."""

import asyncio
from itertools import pairwise

import pytest

from evald.rules.retry import RetryPolicy
from evald.sampling.connections import Connections
from evald.sampling.sampler import ProviderSampler
from tests.model_server.client import ModelServer
from tests.model_server.script import Fault, Rule, Step
from tests.sampling.asking import QUESTION, MakeSampler, ask, failure, message_of, provider, wait

PASSING_FAULTS = [Fault.CUT_BEFORE, Fault.CUT_WITHIN, Fault.BROKEN_JSON, Fault.ERROR_WITHIN]


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503])
async def test_a_passing_refusal_is_tried_again(
    models: ModelServer, sampler: MakeSampler, status: int
) -> None:
    models.script(Step(status=status), Step(status=status), Step())

    completion = await ask(sampler())

    assert message_of(completion)["content"] == QUESTION
    assert (completion.attempts, models.stats().started) == (3, 3)


@pytest.mark.parametrize("fault", [*PASSING_FAULTS, Fault.UNENDED])
async def test_a_broken_stream_is_asked_for_again(
    models: ModelServer, sampler: MakeSampler, fault: Fault
) -> None:
    models.script(Step(fault=fault), Step())

    completion = await ask(sampler())

    assert message_of(completion)["content"] == QUESTION
    assert (completion.attempts, models.stats().started) == (2, 2)


@pytest.mark.parametrize("fault", PASSING_FAULTS)
async def test_a_broken_answer_is_asked_for_again(
    models: ModelServer, sampler: MakeSampler, fault: Fault
) -> None:
    models.script(Step(fault=fault), Step())

    completion = await ask(sampler(stream=False))

    assert message_of(completion)["content"] == QUESTION
    assert (completion.attempts, models.stats().started) == (2, 2)


@pytest.mark.parametrize("body", ["", "[]", "{}", "null", '{"choices": []}', "<html>Hello</html>"])
async def test_an_answer_that_is_no_completion_is_asked_for_again(
    models: ModelServer, sampler: MakeSampler, body: str
) -> None:
    models.script(Step(body=body), Step())

    completion = await ask(sampler())

    assert (message_of(completion)["content"], completion.attempts) == (QUESTION, 2)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "invalid_request"),
        (401, "authentication_failed"),
        (403, "authentication_failed"),
        (404, "not_found"),
        (422, "invalid_request"),
        (307, "invalid_request"),
    ],
)
async def test_a_lasting_refusal_is_not_tried_again(
    models: ModelServer, sampler: MakeSampler, status: int, code: str
) -> None:
    models.script(Step(status=status, message="not like this"), Step())

    error = await failure(sampler())

    assert (error.code, error.message) == (code, f"{status} from scripted: not like this")
    assert models.stats().started == 1


async def test_a_call_is_given_up_after_its_last_attempt_with_the_words_of_the_endpoint(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script(Step(status=503, message="the model is loading"))

    error = await failure(sampler())

    assert error.message == "503 from scripted: the model is loading (tried 3 times)"
    assert (error.code, error.attempts, models.stats().started) == ("upstream_error", 3, 3)


async def test_a_failure_tells_how_long_its_last_call_took(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script(Step(status=503), Step(status=400, delay_ms=200))

    error = await failure(sampler())

    assert error.attempts == 2
    assert error.latency is not None
    assert error.latency > 0.1


@pytest.mark.parametrize(
    ("status", "body", "phrase"),
    [
        (400, "", "Bad Request"),
        (503, " \n", "Service Unavailable"),
        (404, '{"error": {"message": ""}}', "Not Found"),
    ],
)
async def test_a_refusal_without_a_word_is_given_with_the_name_of_its_status(
    models: ModelServer, sampler: MakeSampler, status: int, body: str, phrase: str
) -> None:
    models.script(Step(status=status, body=body))

    error = await failure(sampler(retries=RetryPolicy(attempts=1)))

    assert error.message == f"{status} from scripted: {phrase}"


async def test_an_error_inside_the_stream_is_given_with_the_words_of_the_endpoint(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script(Step(fault=Fault.ERROR_WITHIN, message="out of memory"))

    error = await failure(sampler())

    assert error.message == "Error from scripted: out of memory (tried 3 times)"
    assert error.code == "upstream_error"


async def test_a_refusal_inside_an_answer_is_as_lasting_as_the_status_that_it_names(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script(Step(body='{"error": {"message": "no such grammar", "code": 400}}'), Step())

    error = await failure(sampler())

    assert (error.message, error.status) == ("Error from scripted: no such grammar", 400)
    assert models.stats().started == 1


async def test_an_error_inside_an_answer_that_names_a_passing_status_is_tried_again(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script(Step(body='{"error": {"message": "busy", "code": 503}}'), Step())

    assert (await ask(sampler())).attempts == 2


async def test_a_long_refusal_that_comes_in_pieces_is_read_to_its_end(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script(Step(status=400, message="this model knows no images", gap_ms=20))

    error = await failure(sampler())

    assert error.message == "400 from scripted: this model knows no images"


async def test_an_endpoint_that_nobody_serves_is_a_failed_connection(
    connections: Connections, models: ModelServer, unused_tcp_port: int
) -> None:
    nowhere = provider(models, base_url=f"http://127.0.0.1:{unused_tcp_port}/v1")

    error = await failure(ProviderSampler([nowhere], connections))

    assert error.code == "connection_error"
    assert error.message.endswith("(tried 3 times)")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "150"}, 0.15),
        ({"retry-after": "0.2"}, 0.2),
        ({"retry-after": "1"}, 1.0),
        ({"retry-after-ms": "150", "retry-after": "60"}, 0.15),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_a_named_pause_is_waited_for_before_every_try(
    models: ModelServer,
    sampler: MakeSampler,
    status: int,
    headers: dict[str, str],
    seconds: float,
) -> None:
    models.script(Step(status=status, headers=headers), Step())

    await ask(sampler())

    times = [request.at for request in models.requests()]
    assert all(later - earlier >= seconds for earlier, later in pairwise(times))
    assert len(times) == 2


async def test_a_named_pause_beyond_the_limit_is_not_waited_for(
    models: ModelServer, sampler: MakeSampler
) -> None:
    refused = Step(status=429, message="come back tomorrow", headers={"retry-after": "86400"})
    models.script(refused, Step())

    error = await failure(sampler())

    assert (error.code, error.message) == (
        "rate_limit_exceeded",
        "429 from scripted: come back tomorrow",
    )
    assert models.stats().started == 1


async def test_the_limit_of_a_named_pause_is_the_policys(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script(Step(status=429, headers={"retry-after": "1"}), Step())
    policy = RetryPolicy(attempts=3, base=0.001, ceiling=0.001, longest_named=0.5)

    error = await failure(sampler(retries=policy))

    assert (error.code, models.stats().started) == ("rate_limit_exceeded", 1)


async def test_a_call_that_waits_for_its_next_try_keeps_no_place(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script_rules(Rule([Step(status=429, headers={"retry-after": "60"})], contains="patient"))
    asking = sampler(max_concurrency=1)

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(ask(asking, "a patient row"))
        await wait(models, finished=1)
        async with asyncio.timeout(30):  # the pause is twice as long
            completion = await ask(asking, "a row that comes later")
        waiting.cancel()

    assert message_of(completion)["content"] == "a row that comes later"
