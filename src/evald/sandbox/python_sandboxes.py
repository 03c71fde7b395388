"""Run users' Python in sandboxes: many rows through one, each row by itself, owners in turn."""

from collections.abc import Sequence
from pathlib import Path

from evald.contract.json_types import JsonObject
from evald.sandbox.interface import Executed, Isolation


class PythonSandboxes:
    """Sandboxes for the python graders of all runs, begun when a row needs one.

    The task that waits for a row may be cancelled: the row is dropped while it waits, and its sandbox is
    killed while it runs.
    """

    def __init__(self, *, hidden: Sequence[Path] = ()) -> None:
        """Begin without a sandbox.

        `hidden` are files and folders that no sandbox may show, also where they lie in a folder that it
        shows: the data directory, the config file.
        """
        self._hidden = hidden

    def begin(self) -> None:
        """Begin the self-test, in the background. Else the first row begins it."""

    async def isolation(self) -> Isolation:
        """Give the result of the self-test, which is made once; waits for it."""
        return Isolation(backend=None, trials=(), advice="Nothing is built yet.")

    async def run(self, owner: str, source: str, sample: JsonObject, item: JsonObject) -> Executed:
        """Call `grade(sample, item)` of this source and give what it came to.

        Whatever the source does is in the result; nothing is raised for it. Raises BadJson when a value
        cannot be written as JSON.
        """
        return Executed(None, "python_unavailable", (await self.isolation()).advice)

    async def end(self, owner: str) -> None:
        """Kill all that runs for this owner, and drop what waits, at once. More may be asked later."""

    async def close(self) -> None:
        """Kill all; return when nothing is left. Nothing may be asked afterwards."""
