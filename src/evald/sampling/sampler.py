"""Samples from models: the provider's turn, the call, the retries, the ways to ask that it knows."""

import asyncio
import random
import re
import time
from collections.abc import Sequence
from functools import lru_cache, partial

from evald.contract.json_types import JsonObject, JsonValue
from evald.errors import ModelUnavailable
from evald.limiter import FairLimiter
from evald.rules.retry import RetryPolicy, wait_before
from evald.rules.sample import TOKEN_LIMIT_NAMES, token_limit
from evald.sampling.call import Streaming, chat_call
from evald.sampling.connections import Connections
from evald.sampling.failures import CallFailed
from evald.sampling.interface import ChatRequest, Completion
from evald.sampling.providers import Provider, provider_of

WEAKER: dict[Streaming, Streaming] = {"with usage": "plain", "plain": "off"}
STREAM_WORDS = re.compile(r"\bstream(ing|ed|s|_options)?\b", re.IGNORECASE)
"""What a refusal to stream has in it; "upstream" is in many others."""
MODELS_KNOWN = 1024
SOON = 0.03
"""Seconds. Of an endpoint that answers sooner many answers are there at once, whenever it is asked."""
RESERVED = frozenset({"model", "messages", "stream", "stream_options", "n", *TOKEN_LIMIT_NAMES})
"""Keys of a request that sampling params do not set by themselves."""


class ProviderSampler:
    """Asks the configured providers over HTTP."""

    def __init__(self, providers: Sequence[Provider], connections: Connections) -> None:
        """Use these providers, the first that serves a model for it."""
        # Patterns are looked up for each call; a server is asked for few models.
        self._provider_of = lru_cache(MODELS_KNOWN)(
            partial(provider_of, providers=tuple(providers))
        )
        self._connections = connections
        self.limiters = {each.name: FairLimiter(each.max_concurrency) for each in providers}
        """The limit of each provider by its name; whoever else calls it takes a place there, too."""
        self._streaming: dict[tuple[str, str], Streaming] = {}
        self._latency: dict[str, float] = {}

    def serves(self, model: str) -> bool:
        """Say whether a provider is configured for this model name."""
        return self._provider_of(model) is not None

    def calls_in_flight(self, owner: str) -> int:
        """Give how many calls of this run are under way now."""
        return sum(limiter.under_way(owner) for limiter in self.limiters.values())

    async def sample(self, request: ChatRequest, owner: str) -> Completion:
        """Give a sample. Raises ModelUnavailable when the call failed for good."""
        provider = self._provider_of(request.model)
        if provider is None:
            raise ModelUnavailable("model_not_found", f"No provider serves '{request.model}'.")
        body = request_body(request, provider)
        attempt = 1
        while True:
            try:
                async with self.limiters[provider.name].place(owner):
                    began = time.monotonic()
                    completion = await self._call(provider, request.model, body)
                    latency = self._latency[provider.name] = time.monotonic() - began
                    return Completion(completion, latency, attempt)
            except CallFailed as failure:
                if not _is_worth_retrying(failure, attempt, provider.retries):
                    raise _unavailable(failure, time.monotonic() - began, attempt) from None
                pause = wait_before(attempt, random.random(), provider.retries, failure.pause)
            # The place is given back while waiting, so that other rows go on.
            await asyncio.sleep(pause)
            attempt += 1

    async def _call(self, provider: Provider, model: str, body: JsonObject) -> JsonObject:
        """Call, and where the endpoint refuses to stream, ask in a way that it knows."""
        first: Streaming = "with usage" if provider.stream else "off"
        asked = provider.name, model
        streaming = self._streaming.get(asked, first)
        while True:
            try:
                completion = await self._one_call(provider, body, streaming)
            except CallFailed as failure:
                if streaming == "off" or not _refuses_streaming(failure):
                    raise
                streaming = WEAKER[streaming] if "stream_options" in failure.said else "off"
            else:
                if streaming != first:
                    # Only a way that led to an answer is kept: the refusal may have had other reasons.
                    self._streaming[asked] = streaming
                return completion

    async def _one_call(
        self, provider: Provider, body: JsonObject, streaming: Streaming
    ) -> JsonObject:
        """Call, at once again on a fresh connection where a kept one was dead.

        That is no try of its own: some endpoints close each connection after an answer without saying
        so, and a call that they never saw needs no pause.
        """
        soon = self._latency.get(provider.name, SOON) < SOON
        session = self._connections.kept if soon else self._connections.prompt
        try:
            return await chat_call(session, provider, body, streaming)
        except CallFailed as failure:
            if not failure.dead_connection:
                raise
        return await chat_call(self._connections.fresh, provider, body, streaming)


def request_body(request: ChatRequest, provider: Provider) -> JsonObject:
    """Give the body of a call without its streaming keys, in the words that the provider knows.

    Sampling params that evald does not know are passed on, so that a new option of a model can be
    used on the day it comes.
    """
    messages: list[JsonValue] = [_with_known_role(each, provider) for each in request.messages]
    body: JsonObject = {"model": request.model, "messages": messages}
    for key, value in request.params.items():
        if value is not None and key not in RESERVED:
            body[key] = value
    limit = token_limit(request.params)
    if limit is not None:
        body[provider.token_limit_name] = limit
    return body


def _with_known_role(message: JsonObject, provider: Provider) -> JsonObject:
    if message.get("role") != "developer":
        return message
    return {**message, "role": provider.developer_role}


def _refuses_streaming(failure: CallFailed) -> bool:
    about_streams = STREAM_WORDS.search(failure.said) is not None
    return failure.status in (400, 404, 405, 415, 422, 501) and about_streams


def _is_worth_retrying(failure: CallFailed, attempt: int, policy: RetryPolicy) -> bool:
    too_long = failure.pause is not None and failure.pause > policy.longest_named
    return failure.retried and attempt < policy.attempts and not too_long


def _unavailable(failure: CallFailed, latency: float, attempts: int) -> ModelUnavailable:
    tried = f" (tried {attempts} times)" if attempts > 1 else ""
    return ModelUnavailable(
        failure.code,
        failure.message + tried,
        status=failure.status,
        latency=latency,
        attempts=attempts,
    )
