"""What the graders of one run may have under way at once."""

import asyncio
from types import SimpleNamespace
from typing import cast

from evald.contract.json_types import JsonObject
from evald.runs.grader_tools import MOST_PROGRAMS, grader_tools
from evald.runs.tools import Tools
from evald.sandbox.interface import Executed


class Gate:
    """Stands for the sandboxes: each program waits there until it is let through."""

    def __init__(self) -> None:
        self.inside: dict[str, list[asyncio.Future[Executed]]] = {}

    async def run(self, owner: str, source: str, sample: JsonObject, item: JsonObject) -> Executed:
        waiting = asyncio.get_running_loop().create_future()
        self.inside.setdefault(owner, []).append(waiting)
        found: Executed = await waiting
        return found


async def test_a_run_has_no_more_programs_under_way_than_it_may_and_another_run_has_its_own() -> (
    None
):
    gate = Gate()
    tools = cast("Tools", SimpleNamespace(sandboxes=gate, embed=None))
    asked: list[asyncio.Future[Executed]] = []
    for owner in ("one", "other"):
        run_code = grader_tools(tools, owner).run_code
        assert run_code is not None
        calls = [run_code(f"source {number}", {}, {}) for number in range(MOST_PROGRAMS + 3)]
        asked += [asyncio.ensure_future(call) for call in calls]
    await asyncio.sleep(0)

    assert {owner: len(held) for owner, held in gate.inside.items()} == {
        "one": MOST_PROGRAMS,
        "other": MOST_PROGRAMS,
    }
    while not all(task.done() for task in asked):
        for held in gate.inside.values():
            while held:
                held.pop().set_result(Executed(1.0))
        await asyncio.sleep(0)
    assert {(await task).score for task in asked} == {1.0}
