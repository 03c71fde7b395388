"""`make chaos` in short: a run that is hurt a few times, on both databases."""

from pathlib import Path

import pytest

from chaos.long_run import Order, long_run
from chaos.machines import Size
from chaos.tables import told
from tests.model_server.client import ModelServer

# Of all seeds those whose few blows are of every kind, and soon over.
ONE_PROCESS = Order(seed=20298900, rows=1_000, kills=3, size=Size())
CLUSTER = Order(seed=20291281, rows=1_000, kills=3, size=Size(servers=2, workers=2))


@pytest.mark.parametrize(
    "order", [ONE_PROCESS, CLUSTER], ids=["one process", "two servers, two workers"]
)
def test_a_run_that_is_hurt_again_and_again_keeps_every_promise(
    models: ModelServer, tmp_path: Path, order: Order
) -> None:
    outcome = long_run(order, models, tmp_path, say=lambda words: None)

    assert outcome.wrongs == [], told(order, outcome)
    assert sum(outcome.rows_by_calls.values()) == order.rows
