"""What graders get from the tools of runs: models and computations, asked in one owner's name."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from evald.contract.json_types import JsonObject
from evald.errors import GraderFailed, ProcessDied
from evald.graders.interface import Embed, GraderTools, RunCode
from evald.runs.tools import Tools
from evald.sampling.interface import ChatRequest, Completion, Embedder, Embeddings
from evald.sandbox.interface import Executed
from evald.sandbox.python_sandboxes import PythonSandboxes

Result = TypeVar("Result")

MOST_PROGRAMS: Final = 32
"""Calls of programs that one owner has under way; each source of them may have a sandbox of its own."""


def grader_tools(tools: Tools, owner: str, program_owner: str | None = None) -> GraderTools:
    """Give the tools of graders that take turns, and are counted and cut off, as this owner.

    Programs run in the name of `program_owner`, if there is one, whose sandboxes end by themselves.
    """

    async def in_turn(function: Callable[..., Result], *arguments: object) -> Result:
        try:
            return await tools.aside(owner, function, *arguments)
        except ProcessDied as error:
            raise GraderFailed("process_died", str(error)) from None

    async def ask(request: ChatRequest) -> Completion:
        return await tools.sampler.sample(request, owner, tools.gate.of_begun_rows)

    return GraderTools(
        in_turn, ask, _embed(tools.embed, owner), _run_code(tools.sandboxes, program_owner or owner)
    )


async def end_sandboxes(owner: str, tools: Tools) -> None:
    """End all programs that run in this name; a second call changes nothing."""
    if tools.sandboxes is not None:
        await tools.sandboxes.end(owner)


def _embed(embedder: Embedder | None, owner: str) -> Embed | None:
    if embedder is None:
        return None

    async def embed(texts: Sequence[str]) -> Embeddings:
        return await embedder(texts, owner)

    return embed


def _run_code(sandboxes: PythonSandboxes | None, owner: str) -> RunCode | None:
    if sandboxes is None:
        return None

    places = asyncio.Semaphore(MOST_PROGRAMS)

    async def run_code(source: str, sample: JsonObject, item: JsonObject) -> Executed:
        async with places:
            return await sandboxes.run(owner, source, sample, item)

    return run_code
