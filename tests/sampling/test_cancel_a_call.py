"""A cancelled call leaves its endpoint at once, wherever it stood, and gives its place back."""

import asyncio

import pytest

from evald.sampling.interface import Completion
from evald.sampling.sampler import ProviderSampler
from tests.model_server.client import ModelServer
from tests.model_server.script import Fault, Step
from tests.sampling.asking import MakeSampler, ask, message_of, question, wait

UNDER_WAY = {
    "a stream in its middle": (True, Step(hold="within")),
    "a stream that goes on and on": (True, Step(fault=Fault.ENDLESS, gap_ms=1)),
    "before the first byte of a stream": (True, Step(hold="before")),
    "an answer in its middle": (False, Step(hold="within")),
    "before the first byte of an answer": (False, Step(hold="before")),
    "a refusal in its middle": (True, Step(status=500, hold="within")),
}


@pytest.mark.parametrize(("stream", "step"), UNDER_WAY.values(), ids=UNDER_WAY.keys())
async def test_a_cancelled_call_closes_its_connection(
    models: ModelServer, sampler: MakeSampler, stream: bool, step: Step
) -> None:
    models.script(step)
    asking = sampler(stream=stream)
    call = asyncio.create_task(ask(asking))
    await wait(models, in_flight=1)

    await cancelled(call)

    stats = await wait(models, aborted=1, in_flight=0)
    assert (stats.started, stats.finished) == (1, 0)
    assert asking.calls_in_flight("run") == 0


async def test_a_cancel_between_two_tries_lets_no_other_try_begin(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script(Step(status=429, headers={"retry-after": "0.3"}))
    asking = sampler()
    call = asyncio.create_task(ask(asking))
    await wait(models, finished=1)

    await cancelled(call)

    with pytest.raises(TimeoutError, match="'started': 1,"):
        await asyncio.to_thread(lambda: models.wait(timeout=0.6, started=2))
    assert asking.calls_in_flight("run") == 0


async def test_a_call_cancelled_while_it_waits_for_its_place_is_never_made(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script(Step(hold="before"))
    asking = sampler(max_concurrency=1)
    first = asyncio.create_task(ask(asking, "the first"))
    await wait(models, held=1)
    second, third = (asyncio.create_task(ask(asking, text)) for text in ("a second", "a third"))
    await asyncio.sleep(0)

    await cancelled(second)
    models.release()

    assert [message_of(each)["content"] for each in await asyncio.gather(first, third)] == [
        "the first",
        "a third",
    ]
    assert models.stats().calls_by_message == {"the first": 1, "a third": 1}


async def test_calls_in_flight_are_counted_by_run(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script(Step(hold="before"))
    asking = sampler(max_concurrency=3)
    calls = [
        asyncio.create_task(asking.sample(question(f"row {row}"), run))
        for row, run in enumerate(["one", "two", "one", "one"])
    ]
    await wait(models, held=3)

    assert (asking.calls_in_flight("one"), asking.calls_in_flight("two")) == (2, 1)
    models.release()
    await asyncio.gather(*calls)
    assert (asking.calls_in_flight("one"), asking.calls_in_flight("two")) == (0, 0)


async def test_no_more_calls_are_under_way_than_the_provider_allows(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script(Step(delay_ms=2))
    asking = sampler(max_concurrency=7)

    await asyncio.gather(*(ask(asking, f"row {row}") for row in range(100)))

    stats = models.stats()
    assert (stats.max_in_flight, stats.finished) == (7, 100)


async def test_cancelled_calls_leave_all_places_to_those_that_follow(
    models: ModelServer, sampler: MakeSampler
) -> None:
    asking = sampler(max_concurrency=4)
    for turn in range(5):
        models.script(Step(hold="before"))
        await cancel_all_held(models, asking, aborted=4 * (turn + 1))

    models.script(Step(delay_ms=2))
    await asyncio.gather(*(ask(asking, f"row {row}") for row in range(40)))

    assert models.stats().finished == 40


async def cancel_all_held(models: ModelServer, asking: ProviderSampler, *, aborted: int) -> None:
    """Cancel eight calls of which four have a place."""
    calls = [asyncio.create_task(ask(asking, f"row {row}")) for row in range(8)]
    await wait(models, held=4)
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)
    await wait(models, aborted=aborted, in_flight=0)


async def cancelled(call: asyncio.Task[Completion]) -> None:
    """Cancel a call and see it end so."""
    call.cancel()
    await asyncio.wait([call])
    assert call.cancelled()
