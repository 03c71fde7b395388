"""What graders get from the tools of runs: models and computations, asked in one owner's name."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from evald.errors import GraderFailed, ProcessDied
from evald.graders.interface import GraderTools
from evald.runs.tools import Tools
from evald.sampling.interface import ChatRequest, Completion, Embeddings

Result = TypeVar("Result")


def grader_tools(tools: Tools, owner: str) -> GraderTools:
    """Give the tools of graders that take turns, and are counted and cut off, as this owner."""
    async def in_turn(function: Callable[..., Result], *arguments: object) -> Result:
        try:
            return await tools.aside(owner, function, *arguments)
        except ProcessDied as error:
            raise GraderFailed("process_died", str(error)) from None

    async def ask(request: ChatRequest) -> Completion:
        return await tools.sampler.sample(request, owner)

    return GraderTools(in_turn, ask, _embed(tools.embed, owner), _run_code(tools.sandboxes, owner))


def _embed(embedder: Embedder | None, owner: str) -> Embed | None:
    if embedder is None:
        return None

    async def embed(texts: Sequence[str]) -> Embeddings:
        return await embedder(texts, owner)

    return embed


def _run_code(sandboxes: PythonSandboxes | None, owner: str) -> RunCode | None:
    if sandboxes is None:
        return None

    async def run_code(source: str, sample: JsonObject, item: JsonValue) -> Executed:
        return await sandboxes.run(owner, source, sample, item)

    return run_code
