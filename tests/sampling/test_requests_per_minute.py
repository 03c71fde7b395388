"""Calls to a provider begin no faster than its `requests_per_minute`, whoever makes them."""

import asyncio
import time

from evald.limiter import FairLimiter
from evald.rules.start_times import OwnStartTimes, Pace
from evald.sampling.connections import Connections
from evald.sampling.embeddings import ProviderEmbedder
from evald.sampling.providers import NO_ALIASES
from evald.sampling.relay import Relay
from evald.sampling.sampler import ProviderSampler
from tests.model_server.client import ModelServer
from tests.model_server.script import Step
from tests.sampling.asking import MakeSampler, ask, provider, question, wait

PACE = Pace.of(1200)
ONE_IN_100_MINUTES = 0.01


def too_early(models: ModelServer, began: float) -> list[int]:
    """Give the calls that came sooner than a start at `began` allows; one can only come later."""
    allowed = PACE.times(began - PACE.saved_up, 1000)
    arrived = zip(models.stats().started_at, allowed, strict=False)
    return [number for number, (at, start) in enumerate(arrived) if at < start]


async def test_calls_begin_at_the_pace_of_the_provider(
    models: ModelServer, sampler: MakeSampler
) -> None:
    asking, began = sampler(requests_per_minute=1200), time.monotonic()

    await asyncio.gather(*(ask(asking, f"row {row}") for row in range(30)))

    assert models.stats().finished == 30
    assert too_early(models, began) == []


async def test_further_tries_wait_as_well(models: ModelServer, sampler: MakeSampler) -> None:
    models.script(Step(status=500), Step())
    asking, began = sampler(requests_per_minute=1200), time.monotonic()

    await asyncio.gather(*(ask(asking, f"row {row}") for row in range(13)))

    assert models.stats().finished == 26
    assert too_early(models, began) == []


async def test_a_second_call_without_a_stream_counts(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script(Step(refuse=["stream"]))
    asking, began = sampler(requests_per_minute=1200), time.monotonic()
    asked = [question(model=f"model {number}") for number in range(12)]

    await asyncio.gather(*(asking.sample(each, "run") for each in asked))
    await asking.sample(asked[0], "run")

    assert models.stats().finished == 25
    assert 24 not in too_early(models, began)


async def test_a_call_that_waits_for_its_start_is_not_in_flight_and_leaves_without_a_trace(
    models: ModelServer, sampler: MakeSampler
) -> None:
    asking = sampler(requests_per_minute=ONE_IN_100_MINUTES)
    await ask(asking, "the first")
    second = asyncio.create_task(ask(asking, "the second"))
    await asyncio.sleep(0)
    assert asking.calls_in_flight("run") == 0

    second.cancel()
    await asyncio.wait([second])

    assert second.cancelled()
    assert models.stats().started == 1
    assert asking.calls_in_flight("run") == 0


async def test_embeddings_and_what_passes_through_wait_as_well(
    models: ModelServer, connections: Connections
) -> None:
    endpoint = provider(models, requests_per_minute=ONE_IN_100_MINUTES)
    sampler = ProviderSampler([endpoint], connections)
    embed = ProviderEmbedder("any", endpoint, connections, sampler.limiters)
    relay = Relay([endpoint], connections, sampler.limiters, NO_ALIASES)
    await sampler.sample(question(), "run")

    async def pass_on() -> None:
        async with relay.passed_on("any", "/chat/completions", b"{}", "project"):
            pass

    waiting = [asyncio.ensure_future(embed(["text"], "run")), asyncio.ensure_future(pass_on())]
    await asyncio.sleep(0)
    assert sampler.limiters[endpoint.name].waiting == 2
    for each in waiting:
        each.cancel()
    await asyncio.wait(waiting)
    assert (await wait(models, finished=1)).started == 1


async def test_start_times_go_round_between_owners() -> None:
    limiter, served = FairLimiter(8, OwnStartTimes(Pace.of(6000))), list[str]()
    for _ in range(100):  # what is saved up
        async with limiter.place("somebody else"):
            pass

    async def call(owner: str) -> None:
        async with limiter.place(owner):
            served.append(owner)

    await asyncio.gather(*(call(owner) for owner in "aaaaaabbcc"))

    assert "".join(served).replace("abcabc", "") == "aaaa"
