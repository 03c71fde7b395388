"""The places of a provider, shared between runs and what passes through."""

from typing import Any

from tests.capture.asking import request, sent
from tests.model_server.client import ModelServer
from tests.model_server.script import Step
from tests.server import EvaldServer
from tests.waiting import until

ROWS = 20


def started_run(server: EvaldServer) -> str:
    """Start a run that asks for more calls than its provider takes, and give its path."""
    config = {"type": "custom", "item_schema": {}, "include_sample_schema": True}
    eval_id = server.ask(
        "POST", "/v1/evals", {"data_source_config": config, "testing_criteria": []}
    ).json["id"]
    template = [{"role": "user", "content": "row {{ item.n }}"}]
    rows: list[Any] = [{"item": {"n": number}} for number in range(ROWS)]
    data_source = {
        "type": "completions",
        "source": {"type": "file_content", "content": rows},
        "model": "scripted",
        "input_messages": {"type": "template", "template": template},
    }
    path = f"/v1/evals/{eval_id}/runs"
    return f"{path}/{server.ask('POST', path, {'data_source': data_source}).json['id']}"


def test_what_passes_through_gets_its_turn_beside_a_run(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(hold="before"))
    run = started_run(server)
    models.wait(held=2)

    with sent(server, request("mine")) as client:
        server.ask("GET", "/healthz")  # what was sent before it has been read by now
        models.release(2)
        calls = models.wait(held=2, finished=2).calls_by_message
        models.release()
        assert client.getresponse().status == 200

    assert calls["mine"] == 1
    assert sum(calls.values()) == 4
    until(lambda: server.ask("GET", run).json["status"] == "completed")
    assert models.stats().max_in_flight == 2
