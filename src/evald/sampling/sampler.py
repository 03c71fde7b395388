"""Samples from models: the provider's turn, the call, the retries, the ways to ask that it knows."""

import asyncio
import random
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial

from evald.contract.json_types import JsonObject
from evald.errors import ModelUnavailable
from evald.limiter import FairLimiter
from evald.rules.api_params import NotSayable
from evald.rules.retry import RetryPolicy, wait_before
from evald.rules.start_times import OwnStartTimes, Pace
from evald.sampling.bodies import chat_body, responses_body
from evald.sampling.call import CHAT, Streaming, Wire, model_call
from evald.sampling.connections import Connections
from evald.sampling.failures import CallFailed
from evald.sampling.interface import Api, CallGate, ChatRequest, Completion
from evald.sampling.providers import NO_ALIASES, Aliases, Provider, route_of
from evald.sampling.responses_call import RESPONSES

WEAKER: dict[Streaming, Streaming] = {"with usage": "plain", "plain": "off"}
STREAM_WORDS = re.compile(r"\bstream(ing|ed|s|_options)?\b", re.IGNORECASE)
"""What a refusal to stream has in it; "upstream" is in many others."""
MODEL_WORDS = re.compile(r"\bmodels?\b", re.IGNORECASE)
"""What a 404 has in it that is about the model and not about the path."""
MODELS_KNOWN = 1024
SOON = 0.03
"""Seconds. Of an endpoint that answers sooner many answers are there at once, whenever it is asked."""
WIRES: dict[Api, Wire] = {"chat": CHAT, "responses": RESPONSES}


class ProviderSampler:
    """Asks the configured providers over HTTP."""

    def __init__(
        self,
        providers: Sequence[Provider],
        connections: Connections,
        aliases: Aliases = NO_ALIASES,
    ) -> None:
        """Use these providers, the first that serves a model for it."""
        # Patterns are looked up for each call; a server is asked for few models.
        self._route_of = lru_cache(MODELS_KNOWN)(
            partial(route_of, providers=tuple(providers), aliases=aliases)
        )
        self._connections = connections
        self.limiters = {each.name: _limiter(each) for each in providers}
        """The limit of each provider by its name; whoever else calls it takes a place there, too."""
        self._streaming: dict[tuple[str, str, str], Streaming] = {}
        self._without_responses: set[tuple[str, str]] = set()
        """The models, each with its provider, that answered by chat completions only."""
        self._latency: dict[str, float] = {}

    def serves(self, model: str) -> bool:
        """Say whether a provider is configured for this model name."""
        return self._route_of(model) is not None

    def calls_in_flight(self, owner: str) -> int:
        """Give how many calls of this run are under way now."""
        return sum(limiter.under_way(owner) for limiter in self.limiters.values())

    async def sample(
        self, request: ChatRequest, owner: str, gate: CallGate | None = None
    ) -> Completion:
        """Give a sample. Raises ModelUnavailable when the call failed for good."""
        route = self._route_of(request.model)
        if route is None:
            raise ModelUnavailable("model_not_found", f"No provider serves '{request.model}'.")
        provider = route.provider
        if route.model != request.model:
            request = replace(request, model=route.model)
        api, body = self._first_way(request, provider)
        attempt = 1
        while True:
            if gate is not None and not gate.is_open():
                await gate.opened()
            try:
                async with self.limiters[provider.name].place(owner):
                    if gate is not None and not gate.is_open():
                        continue  # it closed while this waited for its place
                    began = time.monotonic()
                    completion = await self._call(provider, request.model, body, WIRES[api])
                    latency = self._latency[provider.name] = time.monotonic() - began
                if api != request.api and provider.api == "auto":
                    self._without_responses.add((provider.name, request.model))
                return Completion(completion, latency, attempt, api)
            except CallFailed as failure:
                error = unavailable(failure, time.monotonic() - began, attempt)
                if api == "responses" and _is_unknown_path(failure):
                    api, body = "chat", _body_instead(request, provider, error)
                    continue
                if not is_worth_retrying(failure, attempt, provider.retries):
                    raise error from None
                pause = wait_before(attempt, random.random(), provider.retries, failure.pause)
            # The place is given back while waiting, so that other rows go on.
            await asyncio.sleep(pause)
            attempt += 1

    def _first_way(self, request: ChatRequest, provider: Provider) -> tuple[Api, JsonObject]:
        """Give the API to ask by, and the body for it. Raises ModelUnavailable."""
        api = request.api if provider.api == "auto" else provider.api
        if api == "responses" and provider.api == "auto":
            known = (provider.name, request.model) in self._without_responses
            api = "chat" if known else api
        if api == "responses":
            return api, responses_body(request, provider)
        try:
            return api, chat_body(request, provider)
        except NotSayable as error:
            if provider.api == "auto":  # the endpoint may know it by now
                return "responses", responses_body(request, provider)
            raise ModelUnavailable(
                NO_RESPONSES,
                f'{provider.name} is asked by chat completions (api = "chat"), and they know no '
                f'{error}. If it has /responses, set api = "responses" for it.',
            ) from None

    async def _call(
        self, provider: Provider, model: str, body: JsonObject, wire: Wire
    ) -> JsonObject:
        """Call, and where the endpoint refuses to stream, ask in a way that it knows."""
        first: Streaming = "with usage" if provider.stream else "off"
        asked = provider.name, model, wire.path
        streaming = self._streaming.get(asked, first)
        while True:
            try:
                completion = await self._one_call(provider, body, wire, streaming)
            except CallFailed as failure:
                if streaming == "off" or not _refuses_streaming(failure):
                    raise
                streaming = WEAKER[streaming] if "stream_options" in failure.said else "off"
                self.limiters[provider.name].count_another()
            else:
                if streaming != first:
                    # Only a way that led to an answer is kept: the refusal may have had other reasons.
                    self._streaming[asked] = streaming
                return completion

    async def _one_call(
        self, provider: Provider, body: JsonObject, wire: Wire, streaming: Streaming
    ) -> JsonObject:
        """Call, at once again on a fresh connection where a kept one was dead.

        That is no try of its own: some endpoints close each connection after an answer without saying
        so, and a call that they never saw needs no pause.
        """
        soon = self._latency.get(provider.name, SOON) < SOON
        session = self._connections.kept if soon else self._connections.prompt
        try:
            return await model_call(session, provider, body, wire, streaming)
        except CallFailed as failure:
            if not failure.dead_connection:
                raise
        return await model_call(self._connections.fresh, provider, body, wire, streaming)


def _limiter(provider: Provider) -> FairLimiter:
    number = provider.requests_per_minute
    starts = None if number is None else OwnStartTimes(Pace.of(number))
    return FairLimiter(provider.max_concurrency, starts)


NO_RESPONSES = "responses_not_supported"


def _is_unknown_path(failure: CallFailed) -> bool:
    """Say whether an endpoint seems to have no such path at all."""
    return failure.status in (404, 405, 501) and MODEL_WORDS.search(failure.said) is None


def _body_instead(request: ChatRequest, provider: Provider, lack: ModelUnavailable) -> JsonObject:
    """Give the body for chat completions where there is no `/responses`. Raises ModelUnavailable."""
    advice = '; set api = "chat" for this provider, and it is asked by chat completions.'
    if provider.api == "auto":
        try:
            return chat_body(request, provider)
        except NotSayable as error:
            advice = (
                f", and chat completions, by which it was to be asked instead, know no {error}."
            )
    raise ModelUnavailable(
        NO_RESPONSES,
        f"{lack.message}. It seems to have no /responses{advice}",
        status=lack.status,
        latency=lack.latency,
        attempts=lack.attempts,
    ) from None


def _refuses_streaming(failure: CallFailed) -> bool:
    about_streams = STREAM_WORDS.search(failure.said) is not None
    return failure.status in (400, 404, 405, 415, 422, 501) and about_streams


def is_worth_retrying(failure: CallFailed, attempt: int, policy: RetryPolicy) -> bool:
    """Say whether a call that failed in try number `attempt` is made once more."""
    too_long = failure.pause is not None and failure.pause > policy.longest_named
    return failure.retried and attempt < policy.attempts and not too_long


def unavailable(failure: CallFailed, latency: float, attempts: int) -> ModelUnavailable:
    """Give the error of a call that failed for good; `latency` is that of its last try."""
    tried = f" (tried {attempts} times)" if attempts > 1 else ""
    return ModelUnavailable(
        failure.code,
        failure.message + tried,
        status=failure.status,
        latency=latency,
        attempts=attempts,
    )
