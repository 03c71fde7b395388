"""Questions to a sampler, and what they give."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from evald.contract.json_types import JsonObject
from evald.errors import ModelUnavailable
from evald.rules.retry import RetryPolicy
from evald.sampling.interface import ChatRequest, Completion
from evald.sampling.providers import Provider
from evald.sampling.sampler import ProviderSampler
from tests.model_server.client import ModelServer
from tests.model_server.ledger import Stats

QUESTION = "What is 2 + 2?"
THREE_TRIES = RetryPolicy(attempts=3, base=0.001, ceiling=0.001)
MakeSampler = Callable[..., ProviderSampler]


def provider(endpoint: ModelServer, /, **changes: Any) -> Provider:
    """Give a provider for the model server that is tried three times without real pauses."""
    known = {"name": "scripted", "base_url": endpoint.url, "retries": THREE_TRIES}
    return Provider(**{**known, **changes})


def question(content: str = QUESTION, model: str = "any", **params: Any) -> ChatRequest:
    """Give a request with one user message."""
    return ChatRequest(model, [{"role": "user", "content": content}], params)


async def ask(sampler: ProviderSampler, content: str = QUESTION, **params: Any) -> Completion:
    """Ask one question for a run named `run`."""
    return await sampler.sample(question(content, **params), "run")


async def failure(sampler: ProviderSampler, content: str = QUESTION) -> ModelUnavailable:
    """Ask a question that fails for good and give its error."""
    with pytest.raises(ModelUnavailable) as caught:
        await ask(sampler, content)
    return caught.value


def message_of(completion: Completion) -> JsonObject:
    """Give the message of the only choice, without its nulls."""
    message = choice_of(completion)["message"]
    assert isinstance(message, dict)
    return {key: value for key, value in message.items() if value is not None}


def choice_of(completion: Completion) -> JsonObject:
    """Give the only choice of a completion."""
    match completion.body["choices"]:
        case [dict(choice)]:
            return choice
    raise AssertionError(f"not one choice: {completion.body}")


async def wait(models: ModelServer, **wanted: int) -> Stats:
    """Wait for numbers of the model server while the sampler goes on."""
    return await asyncio.to_thread(lambda: models.wait(**wanted))
