"""The accounts of a run over the deaths of its server: what was saved, what was paid for."""

from collections import Counter
from typing import Any

from tests.crash.data import Saved, saved
from tests.model_server.client import ModelServer
from tests.runs.invariants import check
from tests.runs.making import get_final, row
from tests.server import EvaldServer


class Accounts:
    """Holds what a run has at its end against what it had when its server died."""

    def __init__(self, server: EvaldServer, models: ModelServer, eval_id: str, run_id: str) -> None:
        self.server = server
        self.models = models
        self.run = {"eval_id": eval_id, "id": run_id}
        self.saved = Saved({}, {})
        self.calls: Counter[str] = Counter()
        """The calls that must have been made, by message, when the run is completed."""

    def note(self) -> None:
        """Note what is there now that the server is dead.

        What was saved before must still be there. Each row without an item will be asked once more,
        each row with one never again.
        """
        self.models.wait(in_flight=0)
        now = saved(self.server)
        assert self.saved.items.items() <= now.items.items(), "a saved item was lost or changed"
        self.saved = now
        self.calls = Counter(self.models.stats().calls_by_message)

    def rows_left(self, row_count: int) -> set[int]:
        """Give the rows that had no item at the last note."""
        return set(range(row_count)) - self.saved.rows_of(self.run["id"])

    def settle(self) -> Any:
        """Wait for the end as `ended` does, and hold the calls against the last note, too."""
        run = self.ended()
        self.check_calls(run)
        return run

    def ended(self) -> Any:
        """Wait until the run is final by itself, and hold it against its items and the last note."""
        final = get_final(self.server, self.run)
        run, _ = check(self.server, self.run["eval_id"], self.run["id"])
        assert run == final
        assert self.saved.items.items() <= saved(self.server).items.items(), "an item was lost"
        return run

    def check_calls(self, run: Any) -> None:
        """Rows that had an item were not asked again, all others once."""
        repeated = self.rows_left(run["evald"]["rows"])
        expected = self.calls + Counter(row(number)["item"]["question"] for number in repeated)
        assert Counter(self.models.stats().calls_by_message) == expected
