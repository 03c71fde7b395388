"""Cancels at random moments in short: no call begins after the bound, no item comes after the answer.

Those of one process are in the stories of `test_stateful.py`.
"""

from pathlib import Path

from chaos.cancels import cancel_often, told
from chaos.machines import Size
from tests.model_server.client import ModelServer

SEED = 20261126
ROUNDS = 10
SIZE = Size(servers=2, workers=1)


def test_a_cancel_at_any_moment_stops_all_calls_and_its_answer_is_final(
    models: ModelServer, tmp_path: Path
) -> None:
    outcome = cancel_often(ROUNDS, SEED, SIZE, models, tmp_path, say=lambda words: None)

    assert (outcome.late, outcome.changed) == ([], []), told(outcome)
    assert sum(each.was_in_time for each in outcome.cancels) >= ROUNDS
