"""Three limits in time, each named when it is over; and limits in size."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from evald.rules.retry import RetryPolicy
from evald.sampling.connections import Connections
from evald.sampling.providers import Timeouts
from evald.sampling.sampler import ProviderSampler
from tests.model_server.client import ModelServer
from tests.model_server.script import Fault, Step
from tests.sampling.asking import QUESTION, MakeSampler, ask, failure, message_of, provider, wait

ONCE = RetryPolicy(attempts=1)
SHORT_S = 0.5


@pytest.fixture
def deaf_url() -> Iterator[str]:
    """The URL of a port that takes no connection and refuses none: its queue is full."""
    with ExitStack() as sockets:
        listener = sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        address = listener.getsockname()
        for _ in range(3):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(address)
        yield f"http://127.0.0.1:{address[1]}/v1"


async def test_an_endpoint_that_takes_no_connection_is_named_as_such(
    models: ModelServer, connections: Connections, deaf_url: str
) -> None:
    deaf = provider(models, base_url=deaf_url, retries=ONCE, timeouts=Timeouts(connect=SHORT_S))

    error = await failure(ProviderSampler([deaf], connections))

    assert (error.code, error.message) == (
        "timeout",
        "The model endpoint took no connection within 0.5 s (connect_timeout).",
    )


@pytest.mark.parametrize("stream", [True, False])
async def test_an_endpoint_that_sends_nothing_is_named_as_such_and_left(
    models: ModelServer, sampler: MakeSampler, stream: bool
) -> None:
    models.script(Step(fault=Fault.HANG_BEFORE))
    timeouts = Timeouts(first_byte=SHORT_S)

    error = await failure(sampler(retries=ONCE, timeouts=timeouts, stream=stream))

    assert (error.code, error.message) == (
        "timeout",
        "The model endpoint sent nothing within 0.5 s (first_byte_timeout).",
    )
    await wait(models, aborted=1, in_flight=0)


STUCK = {
    "a stream that stops": (True, Step(fault=Fault.HANG_WITHIN)),
    "a stream that never ends": (True, Step(fault=Fault.ENDLESS, gap_ms=5)),
    "an answer that stops": (False, Step(fault=Fault.HANG_WITHIN)),
}


@pytest.mark.parametrize("first_byte", [30, SHORT_S])
@pytest.mark.parametrize(("stream", "step"), STUCK.values(), ids=STUCK.keys())
async def test_an_answer_that_does_not_end_is_named_as_such_and_left(
    models: ModelServer, sampler: MakeSampler, stream: bool, step: Step, first_byte: float
) -> None:
    models.script(step)
    timeouts = Timeouts(first_byte=first_byte, total=1)

    error = await failure(sampler(retries=ONCE, timeouts=timeouts, stream=stream))

    assert (error.code, error.message) == (
        "timeout",
        "The model endpoint did not end its answer within 1 s (total_timeout).",
    )
    await wait(models, aborted=1, in_flight=0)


async def test_the_time_to_the_first_byte_does_not_limit_the_rest_of_a_stream(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script(Step(text="one two three four five six", gap_ms=200))

    completion = await ask(sampler(retries=ONCE, timeouts=Timeouts(first_byte=1.5)))

    assert message_of(completion)["content"] == "one two three four five six"


async def test_a_call_that_was_too_slow_is_tried_again(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script(Step(fault=Fault.HANG_BEFORE), Step())

    completion = await ask(sampler(timeouts=Timeouts(first_byte=SHORT_S)))

    assert (message_of(completion)["content"], completion.attempts) == (QUESTION, 2)


TOO_LARGE = {
    "a stream that never ends": (True, Step(fault=Fault.ENDLESS)),
    "a stream of 80 MiB": (True, Step(fault=Fault.HUGE, size_mib=80)),
    "an answer of 80 MiB": (False, Step(fault=Fault.HUGE, size_mib=80)),
}


@pytest.mark.parametrize(("stream", "step"), TOO_LARGE.values(), ids=TOO_LARGE.keys())
async def test_an_answer_that_is_too_large_is_left_and_not_asked_for_again(
    models: ModelServer, sampler: MakeSampler, stream: bool, step: Step
) -> None:
    models.script(step)

    error = await failure(sampler(stream=stream))

    assert (error.code, error.message) == (
        "invalid_response",
        "The model endpoint's answer is larger than 64 MB.",
    )
    await wait(models, aborted=1, in_flight=0)
    assert models.stats().started == 1
