"""What is sent, to whom, and that the key goes nowhere else."""

from typing import Any

import pytest

from evald.contract.json_types import JsonObject, JsonValue
from evald.errors import ModelUnavailable
from evald.sampling.connections import SMALL_BODY, Connections
from evald.sampling.interface import ChatRequest
from evald.sampling.providers import Provider
from evald.sampling.sampler import ProviderSampler
from tests.model_server.client import ModelServer
from tests.model_server.script import Fault, Step
from tests.sampling.asking import MakeSampler, ask, failure, provider, question

KEY = "sk-7Zq-secret-a81f5ce2"


async def body_sent(models: ModelServer, asking: ProviderSampler, **params: Any) -> JsonObject:
    """Ask with these sampling params and give the body as it came, without what always comes."""
    await ask(asking, **params)
    body: JsonObject = models.requests()[-1].body
    always = {"model", "messages", "stream", "stream_options"}
    return {key: value for key, value in body.items() if key not in always}


async def test_messages_are_sent_as_they_are(models: ModelServer, sampler: MakeSampler) -> None:
    parts: list[JsonValue] = [
        {"type": "text", "text": "What is this? – 图"},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
    ]
    messages: list[JsonObject] = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": parts, "name": "ada"},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "user", "content": "And now?"},
    ]

    await sampler().sample(ChatRequest("the-model", messages, {}), "run")

    assert models.requests()[0].body == {
        "model": "the-model",
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


@pytest.mark.parametrize("length", [0, 1, SMALL_BODY - 200, SMALL_BODY, 70_000, 5_000_000])
async def test_a_message_arrives_whole_whatever_its_length(
    models: ModelServer, sampler: MakeSampler, length: int
) -> None:
    text = "ab–" * (length // 3) + "x" * (length % 3)
    messages: list[JsonObject] = [{"role": "user", "content": text}]
    asking = sampler()

    # The endpoint answers the first so soon that the second is written in another way.
    for _ in range(2):
        await asking.sample(ChatRequest("the-model", messages, {}), "run")

    assert [each.body["messages"] for each in models.requests()] == [messages, messages]


async def test_a_cookie_of_an_endpoint_is_not_sent_back(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script(Step(headers={"set-cookie": "who=evald; Path=/"}))
    asking = sampler()

    await ask(asking)
    await ask(asking)

    assert "cookie" not in models.requests()[-1].headers


async def test_sampling_params_are_passed_on_also_those_that_nobody_knows(
    models: ModelServer, sampler: MakeSampler
) -> None:
    params = {"temperature": 0.2, "seed": 7, "response_format": {"type": "text"}, "new_option": []}

    assert await body_sent(models, sampler(), **params, top_p=None) == params


async def test_sampling_params_do_not_change_what_is_evalds_own(
    models: ModelServer, sampler: MakeSampler
) -> None:
    request = ChatRequest(
        "the-model",
        [{"role": "user", "content": "Hello"}],
        {"model": "another", "messages": [], "stream": False, "stream_options": {}, "n": 5},
    )

    await sampler().sample(request, "run")

    body = models.requests()[0].body
    assert (body["model"], body["stream"], "n" in body) == ("the-model", True, False)
    assert body["messages"] == [{"role": "user", "content": "Hello"}]


@pytest.mark.parametrize(
    "given", ["max_completion_tokens", "max_completions_tokens", "max_output_tokens", "max_tokens"]
)
@pytest.mark.parametrize("wanted", ["max_completion_tokens", "max_tokens"])
async def test_the_token_limit_is_sent_under_the_name_that_the_provider_knows(
    models: ModelServer, sampler: MakeSampler, given: str, wanted: str
) -> None:
    asking = sampler(token_limit_name=wanted)

    assert await body_sent(models, asking, **{given: 40}) == {wanted: 40}


@pytest.mark.parametrize("role", ["developer", "system"])
async def test_developer_messages_are_sent_with_the_role_that_the_provider_knows(
    models: ModelServer, sampler: MakeSampler, role: str
) -> None:
    messages: list[JsonObject] = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
    ]

    await sampler(developer_role=role).sample(ChatRequest("any", messages, {}), "run")

    assert models.requests()[0].body["messages"] == [{**messages[0], "role": role}, messages[1]]


async def test_the_key_is_sent_as_a_bearer_token_and_none_is_sent_where_none_is_set(
    models: ModelServer, sampler: MakeSampler
) -> None:
    await ask(sampler(api_key=KEY))
    await ask(sampler())

    first, second = (request.headers for request in models.requests())
    assert first["authorization"] == f"Bearer {KEY}"
    assert "authorization" not in second
    assert second["user-agent"].startswith("evald/")


def named(models: ModelServer, name: str, *patterns: str) -> Provider:
    """Give a provider whose calls can be told by their key."""
    return provider(models, name=name, api_key=name, models=patterns)


async def test_each_model_is_asked_at_the_first_provider_that_serves_it(
    models: ModelServer, connections: Connections
) -> None:
    asking = ProviderSampler(
        [
            named(models, "local", "qwen*", "smollm-?"),
            named(models, "judges", "judge", "*-judge"),
            named(models, "rest", "gpt-*"),
        ],
        connections,
    )
    asked = ["qwen3-judge", "smollm-2", "small-judge", "judge", "gpt-9"]

    for model in asked:
        await asking.sample(question(model=model), "run")

    keys = [request.headers["authorization"].split()[1] for request in models.requests()]
    assert keys == ["local", "local", "judges", "judges", "rest"]


async def test_a_model_that_no_provider_serves_is_an_error_without_a_call(
    models: ModelServer, connections: Connections
) -> None:
    asking = ProviderSampler([named(models, "local", "qwen*")], connections)

    with pytest.raises(ModelUnavailable, match="No provider serves 'Qwen'") as caught:
        await asking.sample(question(model="Qwen"), "run")

    assert (caught.value.attempts, caught.value.latency) == (0, None)
    assert (asking.serves("qwen-3"), asking.serves("Qwen")) == (True, False)
    assert models.stats().started == 0


def redirecting(location: str) -> Step:
    """Give a step that sends the caller elsewhere."""
    return Step(status=307, headers={"location": location})


ECHOES = {
    "in a refusal": Step(status=401, message=f"Incorrect API key provided: {KEY}."),
    "twice": Step(status=401, message=f"{KEY} is no key. What is {KEY}?"),
    "where the message is cut": Step(status=401, message="x" * 990 + KEY),
    "in a text that is no JSON": Step(status=403, body=f"<h1>{KEY}</h1>"),
    "in JSON of another form": Step(status=400, body=f'{{"detail": [{{"input": "{KEY}"}}]}}'),
    "in the address of a redirect": redirecting(f"https://models.example/{KEY}/v1"),
    "where the address is cut": redirecting(f"https://models.example/{'xxx' * 57}{KEY}"),
    "in the type of an answer": Step(body="", headers={"content-type": f"text/{KEY}"}),
    "inside the stream": Step(fault=Fault.ERROR_WITHIN, message=f"no rights for {KEY}"),
    "with a status that is tried again": Step(status=503, message=f"busy with {KEY}"),
}


@pytest.mark.parametrize("step", ECHOES.values(), ids=ECHOES.keys())
async def test_a_key_that_the_endpoint_repeats_is_in_no_error(
    models: ModelServer, sampler: MakeSampler, step: Step
) -> None:
    models.script(step)

    error = await failure(sampler(api_key=KEY))

    assert KEY[:8] not in error.message
    assert "[key]" in error.message or "xxx" in error.message


def test_a_provider_does_not_show_its_key(models: ModelServer) -> None:
    assert KEY not in repr(provider(models, api_key=KEY))
