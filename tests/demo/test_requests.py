"""What real clients were seen to send, answered by the real small model."""

from pathlib import Path

import pytest

from demo.servers import ModelServer
from tests.contract.replay import Replay
from tests.contract.test_replay import steps_of
from tests.runs.invariants import check
from tests.server import EvaldServer

SERVABLE = ["agentevals_ephemeral.json", "curl_evals4life.json"]
"""Those whose runs ask for texts that a small model gives, and for few enough of them."""


@pytest.mark.parametrize("name", SERVABLE)
def test_a_client_gets_its_run_from_a_real_model(
    model: ModelServer, tmp_path: Path, name: str
) -> None:
    with EvaldServer(tmp_path, upstream=model.base_url) as server:
        replay = Replay(server, within=240)
        steps = [step for step in steps_of(name) if step["op"] != "evals.delete"]

        outcomes = replay.all_steps(steps)
        run, items = check(server, replay.named["$EVAL_ID"], replay.named["$RUN_ID"])

    assert [f"{each.op}: {each}" for each in outcomes if str(each)[0] != "2"] == []
    assert replay.complaints == []
    assert run["status"] == "completed"
    assert any(item["status"] != "error" for item in items), items
