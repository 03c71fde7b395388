"""Requests of clients passed on to the provider that serves their model, and its answers as they are."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import aiohttp

from evald.errors import NotFound, UpstreamFailed
from evald.limiter import FairLimiter
from evald.sampling.call import (
    BROKEN_BEFORE_AN_ANSWER,
    JSON_HEADERS,
    LARGEST_ANSWER,
    post,
)
from evald.sampling.connections import Connections, watched_dialing
from evald.sampling.deadline import Deadline
from evald.sampling.providers import Aliases, Provider, Route, route_of

PASSED_ON: Final = frozenset(
    {b"content-type", b"retry-after", b"retry-after-ms", b"x-should-retry"}
)
LIMITS: Final = b"x-ratelimit-"
"""Headers of an answer that tell a client something. The others are about the connection to the
endpoint, or about the account that its key belongs to."""
REQUEST_HEADERS: Final = {**JSON_HEADERS, "accept-encoding": "identity"}
"""Nothing that the client sent: its key is one of ours."""


@dataclass(frozen=True)
class UpstreamAnswer:
    """An answer whose head has come."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    """Those that are passed on, names in small letters."""
    is_stream: bool
    """Whether it is a stream of events, to be passed on as they come."""
    _response: aiohttp.ClientResponse
    _provider: Provider
    _deadline: Deadline

    async def pieces(self) -> AsyncIterator[bytes]:
        """Give the body as it arrives, without the provider's key."""
        while piece := await self._response.content.readany():
            self._deadline.first_byte_came()
            yield _without_key(piece, self._provider)

    async def whole(self) -> bytes:
        """Give all of the body. Raises UpstreamFailed when it is larger than LARGEST_ANSWER."""
        received = bytearray()
        async for piece in self.pieces():
            received += piece
            if len(received) > LARGEST_ANSWER:
                raise UpstreamFailed(
                    f"The model endpoint's answer is larger than {LARGEST_ANSWER // 2**20} MB.",
                    code="invalid_response",
                )
        return _without_key(bytes(received), self._provider)


class Relay:
    """Passes requests on, within the limits that the providers' sampling has, too."""

    def __init__(
        self,
        providers: Sequence[Provider],
        connections: Connections,
        limiters: Mapping[str, FairLimiter],
        aliases: Aliases,
    ) -> None:
        """Use these providers, and the limiter of each by its name."""
        self._providers = providers
        self._aliases = aliases
        self._connections = connections
        self._limiters = limiters

    def name_at_endpoint(self, model: str) -> str:
        """Give the name under which a model is asked: of an alias, what stands for it.

        Raises NotFound when no provider serves the model.
        """
        return self._route(model).model

    @asynccontextmanager
    async def passed_on(
        self, model: str, path: str, body: bytes, owner: str
    ) -> AsyncIterator[UpstreamAnswer]:
        """Post a body to a path such as `/chat/completions`, and give the answer inside `async with`.

        It waits for its turn; `owner` is whom it takes turns for. A call is made once, whatever it is
        answered: whoever asked decides about another try. Cancelled or left before its end, it closes
        the connection, so that the endpoint stops. In the body stands the `name_at_endpoint`.
        Raises NotFound when no provider serves the model, UpstreamFailed when there is no answer.
        """
        provider = self._route(model).provider
        async with self._limiters[provider.name].place(owner):
            deadline = Deadline(provider.timeouts)
            try:
                with deadline:
                    async with await self._opened(provider, path, body) as response:
                        yield _answer(response, provider, deadline)
            except TimeoutError as error:
                raise UpstreamFailed(deadline.missed(error), code="timeout") from None
            except aiohttp.ClientError as error:
                said = provider.without_key(str(error) or type(error).__name__)
                raise UpstreamFailed(
                    f"The connection to the model endpoint failed: {said}.", code="connection_error"
                ) from None

    def _route(self, model: str) -> Route:
        route = route_of(model, self._providers, self._aliases)
        if route is None:
            raise NotFound(
                f"No provider of this server serves the model '{model}'. "
                "GET /v1/models lists those that are served.",
                param="model",
                code="model_not_found",
            )
        return route

    async def _opened(self, provider: Provider, path: str, body: bytes) -> aiohttp.ClientResponse:
        """Post, at once again on a fresh connection where a kept one was dead and saw nothing."""
        dialing = watched_dialing()
        try:
            return await post(self._connections.prompt, provider, path, body, REQUEST_HEADERS)
        except BROKEN_BEFORE_AN_ANSWER:
            if dialing.happened:
                raise
        return await post(self._connections.fresh, provider, path, body, REQUEST_HEADERS)


def _answer(
    response: aiohttp.ClientResponse, provider: Provider, deadline: Deadline
) -> UpstreamAnswer:
    if 300 <= response.status < 400:
        raise UpstreamFailed(
            f"The model endpoint {provider.name} answered {response.status}: it is somewhere else. "
            "Set the provider's base_url to the address that answers.",
            code="upstream_error",
        )
    headers = [
        (name.lower(), _without_key(value, provider))
        for name, value in response.raw_headers
        if name.lower() in PASSED_ON or name.lower().startswith(LIMITS)
    ]
    is_stream = response.content_type == "text/event-stream"
    return UpstreamAnswer(response.status, headers, is_stream, response, provider, deadline)


def _without_key(text: bytes, provider: Provider) -> bytes:
    """Some endpoints repeat the key that they refuse."""
    key = provider.api_key
    return text.replace(key.encode(), b"[key]") if key else text
