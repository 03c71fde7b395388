"""The tests' side of `one_of_several`."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]


class Asking:
    """A process that asks questions of its name."""

    def __init__(self, name: str, database_url: str, models_url: str, **settings: Any) -> None:
        """Begin it; it asks nothing yet."""
        self.name = name
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.on_postgres.one_of_several"),
                *(database_url, models_url, json.dumps(settings), name),
            ],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_until_ready(self) -> None:
        """Return when it has connected to everything."""
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def go(self) -> None:
        """Let it ask."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def leave(self) -> None:
        """Let it end as a server ends, and see that it did."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(30) == 0

    def kill(self) -> None:
        """Kill it, if it still runs."""
        self._process.kill()
        self._process.wait(30)
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()


@contextmanager
def several(*names: str, database: str, models: str, **settings: Any) -> Iterator[list[Asking]]:
    """Give processes that are ready; what is left of them is killed."""
    with ExitStack() as stack:
        asking = [Asking(name, database, models, **settings) for name in names]
        for each in asking:
            stack.callback(each.kill)
        for each in asking:
            each.wait_until_ready()
        yield asking
