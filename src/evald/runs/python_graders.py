"""Whether the programs of python graders can be run here: refused before anything is kept or run."""

from evald.contract.graders import (
    AnyCriterion,
    AnyPart,
    python_graders_in,
    python_places_of,
)
from evald.contract.json_types import JsonObject
from evald.errors import BadRequest, ProcessDied
from evald.graders.python import UNAVAILABLE
from evald.graders.python_source import MOST_SECONDS, source_fault
from evald.runs.tools import SharedAside, Tools


async def check_programs(
    grader: AnyCriterion | AnyPart, place: str, aside: SharedAside, owner: str, tools: Tools
) -> None:
    """Check that the programs in a grader have a `grade`, and can be run safely. Raises BadRequest.

    `place` is where the grader stands in its request; `owner` is whom `aside` takes turns for. Nothing
    of a program is run. The first time it waits for the self-test of the sandboxes.
    """
    places = []
    for at, python in python_graders_in(grader, place):
        places.append(at)
        try:
            fault = await aside(owner, source_fault, python.source)
        except ProcessDied:
            fault = f"the compiler broke over it, or took more than {MOST_SECONDS} seconds"
        if fault is not None:
            param = f"{at}.source"
            raise BadRequest(
                f"Invalid value for '{param}': {fault}.", param=param, code="invalid_value"
            )
    if places and (advice := await _advice(tools)) is not None:
        raise BadRequest(advice, param=f"{places[0]}.type", code=UNAVAILABLE)


async def check_isolation(grader: JsonObject, place: str, tools: Tools) -> None:
    """Check that a kept grader has no program where none can be run safely. Raises BadRequest."""
    places = python_places_of(grader)
    if places and (advice := await _advice(tools)) is not None:
        raise BadRequest(advice, param=f"{place}.{places[0]}", code=UNAVAILABLE)


async def _advice(tools: Tools) -> str | None:
    """Give what to install, or None where there is an isolation."""
    if tools.sandboxes is None:
        return "This server runs no code of python graders."
    isolation = await tools.sandboxes.isolation()
    return None if isolation.backend is not None else isolation.advice
