"""`evald export promptfoo` and `evald export inspect`, run against a server."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.archive.api_server import ApiServer, Content
from tests.exports_others.awkward import LABEL, TEMPLATE, rows, string_check
from tests.exports_others.outside import driven
from tests.model_server.client import ModelServer
from tests.model_server.script import Rule, Step
from tests.server import CHECKOUT, UNCOMPILED, EvaldServer, evald_ended, evald_environment
from tests.waiting import until

FINAL = ("completed", "failed", "canceled")


@pytest.fixture(scope="module")
def models() -> Iterator[ModelServer]:
    with ModelServer() as started:
        good, bad = (json.dumps({"steps": [], "result": label}) for label in ("good", "bad"))
        started.script_rules(
            *(
                Rule([Step(text="I like it")], model="judge", contains=part)
                for part in ("日", "cannot be read")  # at first, and asked once more
            ),
            Rule([Step(text=good)], model="judge", contains="a"),
            Rule([Step(text=bad)], model="judge"),
        )
        yield started


@pytest.fixture(scope="module")
def server(models: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EvaldServer]:
    with EvaldServer(tmp_path_factory.mktemp("evald"), upstream=models.url) as started:
        yield started


def made(server: EvaldServer, *criteria: Any) -> str:
    config = {"type": "custom", "item_schema": {"type": "object"}, "include_sample_schema": True}
    body = {"name": "Moods", "data_source_config": config, "testing_criteria": list(criteria)}
    answer = server.ask("POST", "/v1/evals", body)
    assert answer.status == 201, answer.body
    return str(answer.json["id"])


def ran(server: EvaldServer, eval_id: str, source: Any, **changes: Any) -> str:
    """Create a run and give its id when it has ended."""
    data_source = {"type": "jsonl", "source": source, **changes}
    answer = server.ask("POST", f"/v1/evals/{eval_id}/runs", {"data_source": data_source})
    assert answer.status == 201, answer.body
    path = f"/v1/evals/{eval_id}/runs/{answer.json['id']}"
    until(lambda: server.ask("GET", path).json["status"] in FINAL)
    return str(answer.json["id"])


def export(url: str, tool: str, eval_id: str, out: Path, *options: str) -> CompletedProcess[str]:
    return evald_ended("export", tool, eval_id, "--url", url, "--out", str(out), *options)


def content(*given: Any) -> Any:
    return {"type": "file_content", "content": list(given)}


def test_an_exported_run_has_its_verdicts_again_row_by_row(
    server: EvaldServer, models: ModelServer, tmp_path: Path
) -> None:
    eval_id = made(server, LABEL, string_check("ilike", "{{item.answer}}"))
    asked = {"type": "template", "template": TEMPLATE}
    changes = {"type": "completions", "input_messages": asked, "model": "copycat"}
    run_id = ran(server, eval_id, content(*rows()), **changes)
    items = server.ask("GET", f"/v1/evals/{eval_id}/runs/{run_id}/output_items?limit=100").json[
        "data"
    ]
    items.sort(key=lambda item: item["datasource_item_id"])

    told = export(server.url, "promptfoo", eval_id, tmp_path, "--run", run_id)

    config = {"criteria": {"1 mood": 0, "2 ilike": 1}}
    tests = [json.loads(line) for line in (tmp_path / "tests.jsonl").read_text().split("\n")[:-1]]
    asks = [
        (item["sample"]["output"][0]["content"], {"vars": test["vars"], "config": config})
        for item, test in zip(items, tests, strict=True)
    ]
    answers = driven("promptfoo_driver.py", tmp_path, asks, {"OPENAI_BASE_URL": models.url})
    assert told.returncode == 0, told.stderr
    assert [[each["pass"] for each in answer["componentResults"]] for answer in answers] == [
        [each["passed"] for each in item["results"]] for item in items
    ]
    errors = ["error" in item["results"][0] for item in items]
    assert any(errors)
    assert errors == ["no verdict" in answer["componentResults"][0]["reason"] for answer in answers]


def test_without_a_run_named_it_is_the_latest_and_its_file_is_read(
    server: EvaldServer, tmp_path: Path
) -> None:
    eval_id = made(server, string_check("eq", "{{item.answer}}"))
    ran(server, eval_id, content({"item": {}, "sample": {"output_text": "first"}}))
    lines = b'{"item": {"answer": "2"}, "sample": {"output_text": "2"}}\n\n'
    bounds = {"content-type": "multipart/form-data; boundary=b"}
    form = (
        b'--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nevals\r\n'
        b'--b\r\ncontent-disposition: form-data; name="file"; filename="f.jsonl"\r\n\r\n'
        + lines
        + b"\r\n--b--\r\n"
    )
    file_id = server.ask("POST", "/v1/files", form, bounds).json["id"]
    ran(server, eval_id, {"type": "file_id", "id": file_id})

    export(server.url, "inspect", eval_id, tmp_path / "with")
    server.ask("DELETE", f"/v1/files/{file_id}")
    export(server.url, "inspect", eval_id, tmp_path / "without")

    found = json.loads((tmp_path / "with" / "samples.jsonl").read_text())
    again = json.loads((tmp_path / "without" / "samples.jsonl").read_text())
    assert found == {"id": 0, "item": {"answer": "2"}, "sample": {"output_text": "2"}}
    assert again["item"] == found["item"]
    assert again["sample"]["choices"][0]["message"]["content"] == "2"


def test_an_eval_that_never_ran_gives_its_criteria_and_says_so(
    server: EvaldServer, tmp_path: Path
) -> None:
    told = export(server.url, "promptfoo", made(server, LABEL), tmp_path / "out")

    assert (told.returncode, told.stderr) == (0, "")
    assert "nearly       1 mood" in told.stdout
    assert "Note: The eval has no run" in told.stdout
    assert not (tmp_path / "out" / "tests.jsonl").exists()


@pytest.mark.parametrize("tool", ["promptfoo", "inspect"])
def test_what_cannot_be_exported_is_told_and_nothing_is_written(
    server: EvaldServer, tmp_path: Path, tool: str
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()

    unknown = export(server.url, tool, "eval_no/../such", tmp_path / "new")
    full = export(server.url, tool, made(server, LABEL), tmp_path / "full")

    assert (unknown.returncode, full.returncode) == (1, 1)
    assert "Nothing was written. 404:" in unknown.stderr
    assert "is not empty" in full.stderr
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine"]
    assert not (tmp_path / "new").exists()


def test_a_full_disk_leaves_nothing_and_the_same_command_writes_it_all(
    server: EvaldServer, tmp_path: Path
) -> None:
    eval_id = made(server, LABEL)
    (tmp_path / "there").mkdir()
    for out in (tmp_path / "there", tmp_path / "new"):
        command = ["export", "inspect", eval_id, "--url", server.url, "--out", str(out)]
        full = subprocess.run(
            ["sh", "-c", 'ulimit -f 4; exec "$@"', "sh", sys.executable, "-m", "evald", *command],
            cwd=CHECKOUT,
            env=evald_environment(UNCOMPILED),
            capture_output=True,
            text=True,
            check=False,
        )
        left = list(tmp_path.iterdir())
        again = evald_ended(*command)

        assert (full.returncode, again.returncode) == (1, 0), again.stderr
        assert "Nothing was written." in full.stderr
        assert "File too large" in full.stderr
        assert left == [tmp_path / "there"]
        assert {"README.md", "task.py", "eval.json"} <= {path.name for path in out.iterdir()}
        assert list(out.rglob("*.part")) == []


def test_rows_of_a_run_that_goes_on_are_said_to_be_a_part(tmp_path: Path) -> None:
    held = Content()
    held.bodies["evals/eval_1"] = b'{"id": "eval_1", "testing_criteria": []}'
    held.bodies["evals/eval_1/runs/run_1"] = json.dumps(
        {
            "id": "run_1",
            "status": "in_progress",
            "data_source": {"source": {"type": "stored_completions"}},
        }
    ).encode()
    held.lists["evals/eval_1/runs/run_1/output_items"] = []
    held.add("evals/eval_1/runs/run_1/output_items", id="i", datasource_item={"a": 1})
    with ApiServer(held) as api:
        url = api.base_url.removesuffix("/v1")
        told = export(url, "promptfoo", "eval_1", tmp_path / "out", "--run", "run_1")

    assert told.returncode == 0, told.stderr
    assert "The run is in_progress, and its rows are those of the 1 output item " in told.stdout


def test_an_eval_of_which_nothing_carries_over_has_the_exit_status_1(tmp_path: Path) -> None:
    held = Content()
    strange = {"id": "eval_1", "name": "x", "testing_criteria": [{"type": "of_the_future"}]}
    held.bodies["evals/eval_1"] = json.dumps(strange).encode()
    held.lists["evals/eval_1/runs"] = []
    with ApiServer(held) as api:
        url = api.base_url.removesuffix("/v1")
        by = ("--api-key", "evald-1", "--project", "support")
        told = export(url, "inspect", "eval_1", tmp_path / "out", *by)

    asked_by = {
        (each.headers["authorization"], each.headers["evald-project"]) for each in api.asked
    }
    assert asked_by == {("Bearer evald-1", "support")}
    assert told.returncode == 1
    assert "not carried  1 of_the_future" in told.stdout
    assert not (tmp_path / "out").exists()
