"""Cancels at random moments in short: no call begins after the bound, no item comes after the answer."""

from pathlib import Path

import pytest

from chaos.cancels import cancel_often, told
from chaos.machines import Size
from tests.model_server.client import ModelServer

SEED = 20261126
ROUNDS = 15


@pytest.mark.parametrize(
    "size", [Size(), Size(servers=2, workers=2)], ids=["one process", "two servers, two workers"]
)
def test_a_cancel_at_any_moment_stops_all_calls_and_its_answer_is_final(
    models: ModelServer, tmp_path: Path, size: Size
) -> None:
    outcome = cancel_often(ROUNDS, SEED, size, models, tmp_path, say=lambda words: None)

    assert (outcome.late, outcome.changed) == ([], []), told(outcome)
    assert sum(each.was_in_time for each in outcome.cancels) >= ROUNDS
