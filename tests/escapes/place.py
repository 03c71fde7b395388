"""A server that is attacked as by any client, and what must be true of it afterwards."""

import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil

from tests.escapes.inside import trying
from tests.escapes.outside import Outside
from tests.runs.making import asked, create_eval, create_run, get_final, given, items_of
from tests.server import EvaldServer
from tests.waiting import until

HONEST = """
def grade(sample, item):
    return 1.0 if sample["output_text"] == item["answer"] else 0.25
"""
HONEST_ROWS = ({"answer": "yes"}, {"answer": "no"}, {"answer": "yes"})
HONEST_SCORES = [1.0, 0.25, 1.0]
TRIED_AT_ONCE = 24
OTHER_FILES = 16
"""So many more may be open: connections to the database, and pipes to the processes aside."""

Result = float | str
"""A score, or the code of an error."""


@dataclass(frozen=True)
class Kept:
    """What there was before the first attack."""

    other_run: Any
    other_items: bytes
    mounts: str
    files: int
    outside: Mapping[str, object]


class Place:
    """A server with a run of somebody else's, and the world outside its sandboxes."""

    def __init__(
        self, server: EvaldServer, outside: Outside, temp: Path, *, has_namespaces: bool
    ) -> None:
        self.has_namespaces = has_namespaces
        self.server = server
        self.outside = outside
        self._temp = temp
        honest = self.run(HONEST, HONEST_ROWS)
        other = get_final(server, self.last_run)
        assert results(honest) == HONEST_SCORES
        self.kept = Kept(
            other_run=other,
            other_items=self._items(other),
            mounts=self._mounts(),
            files=self._files(),
            outside=outside.state(),
        )

    def _items(self, run: Any) -> bytes:
        path = f"/v1/evals/{run['eval_id']}/runs/{run['id']}/output_items"
        return self.server.ask("GET", path).body

    def _sandboxes(self) -> list[str]:
        found = psutil.Process(self.server.process.pid).children(recursive=True)
        return [str(each) for each in found if is_of_a_sandbox(each)]

    def _mounts(self) -> str:
        return Path(f"/proc/{self.server.process.pid}/mountinfo").read_text()

    def _files(self) -> int:
        return psutil.Process(self.server.process.pid).num_fds()

    def run(self, source: str, rows: Iterable[Any]) -> list[Any]:
        """Have rows graded by a program in a run, and give the output items in order."""
        criterion = {"type": "python", "name": "program", "source": source}
        eval_id = create_eval(self.server, criterion)
        samples = [{"item": row, "sample": {"output_text": "yes"}} for row in rows]
        self.last_run = create_run(self.server, eval_id, given(samples))
        assert get_final(self.server, self.last_run)["status"] == "completed"
        items = items_of(self.server, self.last_run)
        return sorted(items, key=lambda item: int(item["datasource_item_id"]))

    def try_all(self, tried: Mapping[str, tuple[str, Any]]) -> dict[str, Any]:
        """Try programs out on a row each, many at the same time; give the answers by name."""
        with ThreadPoolExecutor(TRIED_AT_ONCE) as threads:
            answers = threads.map(lambda each: self.try_one(*each), tried.values())
            return dict(zip(tried, answers, strict=True))

    def try_one(self, source: str, row: Any) -> Any:
        """Try a program out on one row; the answer is whatever the server says."""
        body = {"grader": {"type": "python", "source": source}, "model_sample": "yes", "item": row}
        return self.server.ask("POST", "/v1/graders/run", body)

    def check(self) -> None:
        """Check that all is as it was before the first attack."""
        assert results(self.run(HONEST, HONEST_ROWS)) == HONEST_SCORES
        assert self._items(self.kept.other_run) == self.kept.other_items
        assert asked(self.server, "GET", "/v1/evals")["data"]
        self._check_ended()
        assert self._mounts() == self.kept.mounts
        state = self.outside.state()
        assert {
            key: each for key, each in state.items() if each != self.kept.outside.get(key)
        } == {}
        assert state.keys() == self.kept.outside.keys()
        assert self.outside.heard() == []
        assert list(self._temp.iterdir()) == []
        assert {each.name.partition(".")[0] for each in self.server.data_dir.iterdir()} == {"evald"}
        assert "Traceback" not in self.server.log()

    def _check_ended(self) -> None:
        """Check that no sandbox is left; the last of a run ends a moment after its last row."""
        try:
            until(lambda: not self._sandboxes())
            until(lambda: self._files() <= self.kept.files + OTHER_FILES)
        except TimeoutError:
            left = (self._sandboxes(), self._files() - self.kept.files)
            raise AssertionError(f"left behind: {left}") from None


def is_of_a_sandbox(process: psutil.Process) -> bool:
    try:
        return process.name() == "bwrap" or any("zygote" in each for each in process.cmdline())
    except psutil.NoSuchProcess:
        return False


def results(items: Sequence[Any]) -> list[Result]:
    """Give what became of each row of a run with one criterion."""
    return [result_of(item["results"][0]) for item in items]


def result_of(result: Any) -> Result:
    """Give the score, or the code of the error."""
    code: str | None = (result.get("error") or {}).get("code")
    score: float = result["score"]
    return score if code is None else code


def printed(item: Any) -> str:
    """Give what a program printed for a row of a run."""
    sample = item["results"][0]["sample"] or {"output": []}
    return "".join(each["content"] for each in sample["output"])


OWN_IMPORT = re.compile(r"^from tests\.escapes\.inside\.trying import (.*)$", re.MULTILINE)


def source_of(module: ModuleType) -> str:
    """Give a file of attempts as one source: what it imports from `trying` stands above it."""
    above = Path(trying.__file__ or "").read_text()
    return above + OWN_IMPORT.sub(other_names, Path(module.__file__ or "").read_text())


def other_names(imported: re.Match[str]) -> str:
    pairs = [name.split(" as ") for name in imported[1].split(", ") if " as " in name]
    return "\n".join(f"{new} = {old}" for old, new in pairs)
