"""Embeddings over real HTTP: one call for all texts, every form of an answer, every fault."""

import asyncio
import base64
import json
import math
import struct
from typing import Any

import pytest

from evald.contract.json_types import JsonObject
from evald.errors import ModelUnavailable
from evald.limiter import FairLimiter
from evald.sampling.connections import Connections
from evald.sampling.embeddings import ProviderEmbedder
from evald.sampling.interface import Embeddings
from evald.sampling.providers import Provider, Timeouts
from evald.sampling.sampler import ProviderSampler
from tests.model_server.client import ModelServer
from tests.model_server.embedding import vector
from tests.model_server.script import Fault, Step
from tests.sampling.asking import ask, provider, wait

TEXTS = ("a cat", "a dog")
BOTH = tuple(tuple(vector(text)) for text in TEXTS)


@pytest.fixture
def endpoint(models: ModelServer) -> Provider:
    return provider(models)


@pytest.fixture
def embedder(endpoint: Provider, connections: Connections) -> ProviderEmbedder:
    return made(endpoint, connections)


def made(endpoint: Provider, connections: Connections) -> ProviderEmbedder:
    return ProviderEmbedder("embedder", endpoint, connections, {endpoint.name: FairLimiter(8)})


async def failure(embedder: ProviderEmbedder) -> ModelUnavailable:
    with pytest.raises(ModelUnavailable) as caught:
        await embedder(TEXTS, "run")
    return caught.value


def answer(*embeddings: Any, **also: Any) -> Step:
    """Give an answer with these embeddings, numbered in this order."""
    data = [{"index": index, "embedding": each} for index, each in enumerate(embeddings)]
    return Step(body=json.dumps({"data": data, **also}))


async def test_all_texts_are_asked_for_in_one_call(
    models: ModelServer, embedder: ProviderEmbedder
) -> None:
    found = await embedder(TEXTS, "run")

    usage: JsonObject = {"prompt_tokens": 4, "total_tokens": 4}
    assert found == Embeddings(BOTH, {"model": "embedder", "usage": usage})
    (seen,) = models.requests()
    assert seen.body == {
        "model": "embedder",
        "input": ["a cat", "a dog"],
        "encoding_format": "float",
    }


async def test_the_key_of_the_provider_is_sent_and_told_to_nobody(
    models: ModelServer, connections: Connections
) -> None:
    embedder = made(provider(models, api_key="sk-secret"), connections)
    models.script(Step(status=401, message="wrong key sk-secret"))

    error = await failure(embedder)

    assert models.requests()[0].headers["authorization"] == "Bearer sk-secret"
    assert error.message == "401 from scripted: wrong key [key]"


async def test_an_endpoint_that_knows_no_form_is_asked_without_one_from_then_on(
    models: ModelServer, embedder: ProviderEmbedder
) -> None:
    models.script(Step(refuse=["encoding_format"]))

    found = [await embedder(TEXTS, "run") for _ in range(2)]

    assert [each.vectors for each in found] == [BOTH, BOTH]
    named = ["encoding_format" in seen.body for seen in models.requests()]
    assert named == [True, False, False]


async def test_an_endpoint_that_makes_no_embeddings_is_asked_once(
    models: ModelServer, embedder: ProviderEmbedder
) -> None:
    models.script(Step(status=501, message="embeddings are not enabled"), Step())

    error = await failure(embedder)

    assert (error.attempts, models.stats().started) == (1, 1)
    assert error.message == "501 from scripted: embeddings are not enabled"


async def test_a_refusal_with_another_reason_is_no_refusal_of_the_form(
    models: ModelServer, embedder: ProviderEmbedder
) -> None:
    models.script(Step(status=400, message="this text is too long"), Step())

    error = await failure(embedder)

    assert (error.code, error.status, error.attempts) == ("invalid_request", 400, 1)
    assert models.stats().started == 1


def packed(*numbers: float) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


@pytest.mark.parametrize(
    ("step", "vectors"),
    [
        (answer(packed(0.5, -2), packed(1, 0)), ((0.5, -2.0), (1.0, 0.0))),
        (answer([1, 0], packed(1, 0)), ((1.0, 0.0), (1.0, 0.0))),
        (answer([], [1e-9]), ((), (1e-9,))),
        (Step(body='{"data": [{"embedding": [1]}, {"embedding": [2]}]}'), ((1.0,), (2.0,))),
        (
            Step(body='{"data": [{"index": 1, "embedding": [1]}, {"index": 0, "embedding": [2]}]}'),
            ((2.0,), (1.0,)),
        ),
    ],
    ids=["base64", "both forms", "empty", "without numbers", "in another order"],
)
async def test_an_answer_is_read_in_whichever_form_it_comes(
    models: ModelServer,
    embedder: ProviderEmbedder,
    step: Step,
    vectors: tuple[tuple[float, ...], ...],
) -> None:
    models.script(step)

    assert (await embedder(TEXTS, "run")).vectors == vectors


async def test_a_null_among_the_numbers_is_not_a_number(
    models: ModelServer, embedder: ProviderEmbedder
) -> None:
    models.script(answer([None, 1], [1, 0]))

    found = await embedder(TEXTS, "run")

    assert math.isnan(found.vectors[0][0])


UNUSABLE: dict[str, Step] = {
    "no JSON": Step(body="hello"),
    "a list": Step(body="[]"),
    "no data": Step(body="{}"),
    "data is a word": Step(body='{"data": "none"}'),
    "a chat completion": Step(body='{"choices": [{"message": {"content": "1"}}]}'),
    "no entry": answer(),
    "one too few": answer([1]),
    "one too many": answer([1], [2], [3]),
    "an entry that is none": Step(body='{"data": [[1], [2]]}'),
    "an entry without an embedding": Step(body='{"data": [{"index": 0}, {"index": 1}]}'),
    "words": answer(["a"], ["b"]),
    "true": answer([True], [1]),
    "no base64": answer("%%%", packed(1)),
    "half a number": answer(base64.b64encode(b"abcde").decode(), packed(1)),
    "a number twice": Step(
        body='{"data": [{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [2]}]}'
    ),
    "numbers from 1": Step(
        body='{"data": [{"index": 1, "embedding": [1]}, {"index": 2, "embedding": [2]}]}'
    ),
    "a number that is a word": Step(
        body='{"data": [{"index": "0", "embedding": [1]}, {"index": "1", "embedding": [2]}]}'
    ),
    "NaN": Step(body='{"data": [{"embedding": [NaN]}, {"embedding": [1]}]}'),
}


@pytest.mark.parametrize("step", UNUSABLE.values(), ids=UNUSABLE)
async def test_an_answer_that_holds_no_embedding_for_each_text_is_asked_for_again(
    models: ModelServer, embedder: ProviderEmbedder, step: Step
) -> None:
    models.script(step, step, Step())

    assert (await embedder(TEXTS, "run")).vectors == BOTH

    models.script(step)
    error = await failure(embedder)
    assert (error.code, error.attempts) == ("invalid_response", 3)
    assert "tried 3 times" in error.message


PASSING: dict[str, Step] = {
    "overloaded": Step(status=503),
    "too many": Step(status=429, headers={"retry-after": "0"}),
    "cut": Step(fault=Fault.CUT_BEFORE),
    "cut within": Step(fault=Fault.CUT_WITHIN),
    "broken JSON": Step(fault=Fault.BROKEN_JSON),
    "an error within": Step(fault=Fault.ERROR_WITHIN),
}


@pytest.mark.parametrize("step", PASSING.values(), ids=PASSING)
async def test_a_passing_fault_is_tried_again(
    models: ModelServer, embedder: ProviderEmbedder, step: Step
) -> None:
    models.script(step, step, Step())

    assert (await embedder(TEXTS, "run")).vectors == BOTH
    assert models.stats().started == 3


@pytest.mark.parametrize(
    ("limits", "step", "named"),
    [
        (Timeouts(first_byte=0.3), Step(fault=Fault.HANG_BEFORE), "first_byte_timeout"),
        (Timeouts(total=0.3), Step(fault=Fault.HANG_WITHIN), "total_timeout"),
    ],
)
async def test_a_call_that_takes_too_long_is_given_up_by_name(
    models: ModelServer, connections: Connections, limits: Timeouts, step: Step, named: str
) -> None:
    embedder = made(provider(models, timeouts=limits), connections)
    models.script(step)

    error = await failure(embedder)

    assert error.code == "timeout"
    assert named in error.message


async def test_a_redirect_is_told_with_the_path_that_base_url_lacks(
    models: ModelServer, embedder: ProviderEmbedder
) -> None:
    models.script(Step(status=308, headers={"location": "https://example.test/v2/embeddings"}))

    error = await failure(embedder)

    assert "redirects to https://example.test/v2/embeddings" in error.message
    assert error.message.endswith("that address without /embeddings")


@pytest.mark.parametrize("hold", ["before", "within"])
async def test_a_cancelled_call_closes_its_connection_and_gives_its_place_back(
    models: ModelServer, connections: Connections, hold: Any
) -> None:
    limiter = FairLimiter(1)
    embedder = ProviderEmbedder("e", provider(models), connections, {"scripted": limiter})
    models.script(Step(hold=hold))
    call = asyncio.create_task(embedder(TEXTS, "run"))
    await wait(models, held=1)
    assert limiter.under_way("run") == 1

    call.cancel()
    await asyncio.wait([call])

    assert call.cancelled()
    assert (await wait(models, aborted=1, in_flight=0)).finished == 0
    assert limiter.under_way("run") == 0


async def test_embeddings_and_samples_of_a_provider_share_its_limit(
    models: ModelServer, endpoint: Provider, connections: Connections
) -> None:
    narrow = provider(models, max_concurrency=2)
    sampler = ProviderSampler([narrow], connections)
    embedder = ProviderEmbedder("embedder", narrow, connections, sampler.limiters)
    models.script(Step(delay_ms=2))

    await asyncio.gather(
        *(ask(sampler, f"row {row}") for row in range(10)),
        *(embedder((f"row {row}", "x"), "run") for row in range(10)),
    )

    stats = models.stats()
    assert (stats.max_in_flight, stats.finished) == (2, 20)
