"""What the rest of evald asks of models: a sample for a request, embeddings of texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from evald.contract.json_types import JsonObject

Api = Literal["chat", "responses"]
"""`POST /chat/completions` or `POST /responses`."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A sample to ask for. `params` are passed on to the endpoint as they are.

    `api` is the one that whoever asks means, and whose names the params have; the provider's setting
    decides by which one it is asked. Messages are in chat form for both. For `responses` there may be
    input items among them that have no role.
    """

    model: str
    messages: list[JsonObject]
    params: JsonObject
    api: Api = "chat"


@dataclass(frozen=True, slots=True)
class Completion:
    """What came back."""

    body: JsonObject
    """A whole chat completion, put together from the stream where it was streamed.

    A response is changed into this form."""
    latency: float
    """Seconds of the call that succeeded, without waiting for its turn and without retries."""
    attempts: int
    """Calls made, the one that succeeded included."""
    api: Api = "chat"
    """The API that it was asked by."""


class CallGate(Protocol):
    """Whether model calls may begin."""

    def is_open(self) -> bool:
        """Say whether one may begin now."""
        ...

    async def opened(self) -> None:
        """Wait until one may. Raises NotBegun when none ever will."""
        ...


class Sampler(Protocol):
    """Asks models for samples."""

    def serves(self, model: str) -> bool:
        """Say whether a provider is configured for this model name."""
        ...

    async def sample(
        self, request: ChatRequest, owner: str, gate: CallGate | None = None
    ) -> Completion:
        """Give a sample. `owner` is the run that asks; runs get their turns in fair order.

        No call begins while the gate, if there is one, is closed.

        Cancelling closes the connection at once, so that the endpoint stops generating.
        Raises ModelUnavailable when the call failed for good, and what the gate does.
        """
        ...

    def calls_in_flight(self, owner: str) -> int:
        """Give how many calls of this run are under way now."""
        ...


@dataclass(frozen=True, slots=True)
class Embeddings:
    """What an embedding model made of some texts."""

    vectors: tuple[tuple[float, ...], ...]
    """One for each text, in their order; their lengths and numbers are as the endpoint sent them."""
    head: JsonObject
    """The answer without them: the model's name and the usage."""


class Embedder(Protocol):
    """Asks the embedding model that the settings name."""

    async def __call__(self, texts: Sequence[str], owner: str) -> Embeddings:
        """Give the embeddings of these texts, asked for in one call.

        `owner` is the run that asks, as for samples; limits, retries and cancels are the same.
        Raises ModelUnavailable when the call failed for good.
        """
        ...
