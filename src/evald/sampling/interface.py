"""What the rest of evald asks of models: a sample for a request."""

from dataclasses import dataclass
from typing import Protocol

from evald.contract.json_types import JsonObject


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A chat completion to ask for. `params` are passed on to the endpoint as they are."""

    model: str
    messages: list[JsonObject]
    params: JsonObject


@dataclass(frozen=True, slots=True)
class Completion:
    """What came back."""

    body: JsonObject
    """A whole chat completion, put together from the stream where it was streamed."""
    latency: float
    """Seconds of the call that succeeded, without waiting for its turn and without retries."""
    attempts: int
    """Calls made, the one that succeeded included."""


class Sampler(Protocol):
    """Asks models for samples."""

    def serves(self, model: str) -> bool:
        """Say whether a provider is configured for this model name."""
        ...

    async def sample(self, request: ChatRequest, owner: str) -> Completion:
        """Give a sample. `owner` is the run that asks; runs get their turns in fair order.

        Cancelling closes the connection at once, so that the endpoint stops generating.
        Raises ModelUnavailable when the call failed for good.
        """
        ...

    def calls_in_flight(self, owner: str) -> int:
        """Give how many calls of this run are under way now."""
        ...
