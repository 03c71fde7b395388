"""What the report gives to repeat a run is run: by a real shell with curl, by a real Python."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from openai import OpenAI

from tests.model_server.client import ModelServer
from tests.server import EvaldServer
from tests.waiting import until

HOSTILE = (
    'it\'s "quoted" $(touch /tmp/no) `id` \\ !! %s {{ item.text }} @file\n\ttwo lines\r\n'
    "\u202egnp.exe \x1b[31m \xa0 \U0001f469\u200d\U0001f467 \u05e9\u05dc\u05d5\u05dd"
)
PROMPT: Any = {
    "type": "template",
    "template": [{"role": "system", "content": HOSTILE}, {"role": "user", "content": "Go on."}],
}
NO_CURL = shutil.which("curl") is None and "CI" not in os.environ


@pytest.fixture(scope="module")
def server(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EvaldServer]:
    with EvaldServer(tmp_path_factory.mktemp("repeat"), upstream=model_process.url) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: EvaldServer) -> OpenAI:
    return OpenAI(base_url=server.base_url, api_key="not needed")


@pytest.fixture(scope="module")
def eval_id(client: OpenAI) -> str:
    return client.evals.create(
        name=HOSTILE,
        data_source_config={
            "type": "custom",
            "item_schema": {"type": "object"},
            "include_sample_schema": True,
        },
        testing_criteria=[
            {
                "type": "string_check",
                "name": "like",
                "input": "{{ sample.output_text }}",
                "reference": "{{ item.text }}",
                "operation": "ilike",
            }
        ],
    ).id


def with_rows(client: OpenAI, eval_id: str, rows: list[Any]) -> str:
    source: Any = {
        "type": "completions",
        "model": "echo",
        "input_messages": PROMPT,
        "sampling_params": {"temperature": 0.5, "stop": [HOSTILE], "seed": 7},
        "source": {"type": "file_content", "content": rows},
    }
    run = client.evals.runs.create(
        eval_id, name=HOSTILE, data_source=source, metadata={"note": HOSTILE}
    )
    return run.id


def of_few_rows(client: OpenAI, eval_id: str) -> str:
    rows: list[Any] = [{"item": {"text": HOSTILE, HOSTILE: [None, True, 1.5, {"a": []}]}}]
    return with_rows(client, eval_id, rows)


def of_many_rows(client: OpenAI, eval_id: str) -> str:
    return with_rows(client, eval_id, [{"item": {"text": HOSTILE, "n": n}} for n in range(101)])


def of_a_file(client: OpenAI, eval_id: str) -> str:
    row = json.dumps({"item": {"text": "a"}})
    file = client.files.create(file=("rows.jsonl", row.encode()), purpose="evals")
    source: Any = {"type": "jsonl", "source": {"type": "file_id", "id": file.id}}
    return client.evals.runs.create(eval_id, name="of a file", data_source=source).id


def regraded(client: OpenAI, eval_id: str) -> str:
    run_id = of_few_rows(client, eval_id)
    until(lambda: client.evals.runs.retrieve(run_id, eval_id=eval_id).status == "completed")
    body = {"eval_id": eval_id, "name": HOSTILE, "metadata": {"note": HOSTILE}}
    run: Any = client.post(f"/evals/{eval_id}/runs/{run_id}/regrade", body=body, cast_to=object)
    return str(run["id"])


@pytest.mark.parametrize("program", ["repeat-curl", "repeat-python"])
@pytest.mark.parametrize("made", [of_few_rows, of_many_rows, of_a_file, regraded])
def test_a_program_of_the_report_makes_the_same_run_again(
    server: EvaldServer, client: OpenAI, eval_id: str, made: Any, program: str
) -> None:
    if NO_CURL and program == "repeat-curl":
        pytest.skip("NO CURL: what the report says to a shell was not tried")
    run_id = made(client, eval_id)
    text = shown(server, eval_id, run_id)[program]

    done = ran(program, text)

    assert done.returncode == 0, done.stderr
    again = server.ask("GET", f"/v1/evals/{eval_id}/runs?limit=1&order=desc").json["data"][0]
    assert again["id"] != run_id
    assert asked_of(again) == asked_of(server.ask("GET", f"/v1/evals/{eval_id}/runs/{run_id}").json)


def asked_of(run: Any) -> Any:
    """Give what a run was asked to do."""
    regrade_of = run["evald"].get("regrade_of")
    return [run[key] for key in ("eval_id", "name", "metadata", "model", "data_source")], regrade_of


def ran(program: str, text: str) -> subprocess.CompletedProcess[str]:
    command = ["sh", "-c", text] if program == "repeat-curl" else [sys.executable, "-c", text]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def shown(server: EvaldServer, eval_id: str, run_id: str) -> dict[str, str]:
    """Give what a reader can copy, by the ids of the boxes."""
    boxes = _Boxes()
    boxes.feed(server.ask("GET", f"/evaluations/{eval_id}?run_id={run_id}").body.decode())
    return boxes.texts


class _Boxes(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}
        self.box = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.box = (dict(attributes).get("id") or "") if tag == "pre" else ""

    def handle_data(self, data: str) -> None:
        if self.box:
            self.texts[self.box] = self.texts.get(self.box, "") + data
