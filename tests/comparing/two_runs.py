"""Two runs of an eval over nearly the same rows, whose comparison is known row by row."""

from dataclasses import dataclass
from typing import Any

from tests.model_server.client import ModelServer
from tests.model_server.script import Rule, Step
from tests.runs.making import ALIKE, EXACT, create_eval, create_run, get_final, sampled
from tests.server import EvaldServer

BASELINE = [
    *(("alpha", "other"), ("bravo", "other"), ("charlie", "charlie"), ("delta", "delta")),
    *(("foxtrot", "foxtrot"), ("golf", "golf"), ("india", "india")),
]
"""Questions, which the model of the baseline repeats, and answers."""
RUN = [
    *(("golf", "golf"), ("foxtrot", "foxtrot"), ("delta", "delta"), ("charlie", "charlie")),
    *(("bravo", "other"), ("alpha", "other"), ("hotel", "hotel")),
]
OTHERWISE = (
    Rule((Step(text="other"),), model="changed", contains="bravo"),
    Rule((Step(text="x"),), model="changed", contains="charlie"),
    Rule((Step(status=400),), model="changed", contains="golf"),
)
"""Where the model of the other run does not repeat the question."""
KINDS: dict[str, list[tuple[int | None, int | None]]] = {
    "regressed": [(2, 3)],
    "fixed": [(1, 4)],
    "both_failed": [(0, 5)],
    "errored": [(5, 0)],
    "only_in_baseline": [(6, None)],
    "only_in_run": [(None, 6)],
    "both_passed": [(3, 2), (4, 1)],
}
"""The numbers of the rows in both runs, by how they went."""


@dataclass(frozen=True)
class TwoRuns:
    """What there is to compare."""

    eval_id: str
    baseline: Any
    run: Any

    @property
    def query(self) -> str:
        """Give the query that the API is asked with."""
        return f"run_id={self.baseline['id']}&run_id={self.run['id']}"


def make_two_runs(server: EvaldServer, models: ModelServer) -> TwoRuns:
    """Carry both runs out."""
    models.script_rules(*OTHERWISE)
    eval_id = create_eval(server, EXACT, ALIKE)
    runs = [
        create_run(server, eval_id, sampled(_rows(texts), model=model))
        for texts, model in ((BASELINE, "same"), (RUN, "changed"))
    ]
    baseline, run = (get_final(server, each) for each in runs)
    return TwoRuns(eval_id, baseline, run)


def _rows(texts: list[tuple[str, str]]) -> list[dict[str, Any]]:
    return [{"item": {"question": question, "answer": answer}} for question, answer in texts]
