"""`evald runs`: what it shows, what it advises, and how it ends; each piece of advice can be pasted."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.model_server.client import ModelServer
from tests.model_server.script import Step
from tests.runs.canceling import cancel
from tests.runs.making import (
    EXACT,
    create_eval,
    create_run,
    get_final,
    get_run,
    jsonl,
    rows,
    sampled,
    upload,
)
from tests.server import CHECKOUT, EvaldServer, evald_ended, evald_environment
from tests.waiting import until


@pytest.fixture(scope="module")
def server(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EvaldServer]:
    with EvaldServer(tmp_path_factory.mktemp("evald"), upstream=model_process.url) as server:
        yield server
    assert "Traceback" not in server.log()


def runs(server: EvaldServer, verb: str, *more: str) -> subprocess.CompletedProcess[str]:
    """Run a command of `evald runs` against this server."""
    return evald_ended("runs", verb, *more, "--url", server.url)


def advised(said: str) -> list[list[str]]:
    """Give the commands that were advised, without the first word of each."""
    lines = [line.strip() for line in said.splitlines()]
    return [line.split()[1:] for line in lines if line.startswith("evald runs ")]


def canceled(server: EvaldServer, models: ModelServer) -> Any:
    """Give a run of three rows that was canceled with none finished; then the model answers."""
    models.script(Step(hold="before"))
    run = create_run(server, create_eval(server), sampled(rows(3)))
    models.wait(held=3)
    cancel(server, run)
    models.script(Step())
    return run


def test_what_is_advised_after_a_cancel_has_the_run_go_on_to_its_end(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(hold="before"))
    run = create_run(server, create_eval(server), sampled(rows(3)))
    models.wait(held=3)

    shown = runs(server, "show", run["eval_id"], run["id"])
    stop = advised(shown.stdout)[1]
    stopped = evald_ended(*stop)
    models.script(Step())
    resumed = evald_ended(*advised(stopped.stdout)[0])

    assert "status    in progress\n" in shown.stdout
    assert "items     0 of 3: 0 passed, 0 failed, 0 errored\n" in stopped.stdout
    assert (resumed.returncode, resumed.stderr) == (0, "")
    assert "items     3 of 3: 2 passed, 1 failed, 0 errored\n" in resumed.stdout
    assert "          exact: 2 passed, 1 failed, 0 errored\n" in resumed.stdout
    assert ", resumed once\n" in resumed.stdout
    assert advised(resumed.stdout) == []
    again = runs(server, "cancel", run["eval_id"], run["id"])
    assert again.stdout.startswith("There was nothing to cancel: the run is completed.\n")
    once_more = runs(server, "resume", run["eval_id"], run["id"])
    assert once_more.stdout.startswith("There was nothing left to do: the run is completed.\n")


def test_errored_rows_are_redone_as_advised_and_samples_graded_again(
    server: EvaldServer, models: ModelServer, tmp_path: Path
) -> None:
    models.script(Step(status=400, message="\x1b[31mred"))
    run = create_run(server, create_eval(server), sampled(rows(3)))
    get_final(server, run)
    models.script(Step())
    (tmp_path / "criteria.json").write_text(json.dumps([{**EXACT, "operation": "ne"}]))
    ids = (run["eval_id"], run["id"])

    shown = runs(server, "show", *ids)
    redone = evald_ended(*advised(shown.stdout)[0])
    made = runs(server, "regrade", *ids, "--criteria", str(tmp_path / "criteria.json"), "--wait")
    same = runs(server, "regrade", *ids, "--in", run["eval_id"], "--name", "again", "--wait")
    listed = runs(server, "list", run["eval_id"])

    assert "items     3 of 3: 2 passed, 1 failed, 0 errored\n" in redone.stdout
    assert "items     3 of 3: 1 passed, 2 failed, 0 errored\n" in made.stdout
    assert f"samples   of {run['id']} in {run['eval_id']}\n" in made.stdout
    assert "name      again\n" in same.stdout
    head, first, second = listed.stdout.splitlines()
    assert head.split() == [
        *("ID", "STATUS", "ITEMS", "PASSED", "FAILED", "ERRORED"),
        "CREATED",
        "NAME",
    ]
    assert first.endswith("again")
    assert second.startswith(f"{run['id']}  completed  3")
    none = runs(server, "list", run["eval_id"], "--status", "failed", "--limit", "1")
    assert (none.returncode, none.stderr) == (0, "The eval has no failed runs.\n")


def test_what_is_refused_is_told_with_its_reason(
    server: EvaldServer, models: ModelServer, tmp_path: Path
) -> None:
    padding = jsonl([{"item": {"question": "x" * 100_000}}] * 50)
    file_id = upload(server, padding + b'{"item": 1}\n')
    run = create_run(server, create_eval(server), sampled(file_id))
    (tmp_path / "criteria.json").write_text("[{")
    ids = (run["eval_id"], run["id"])

    waited = runs(server, "show", *ids, "--wait")
    resumed = runs(server, "resume", *ids)
    broken = runs(server, "regrade", *ids, "--criteria", str(tmp_path / "criteria.json"))

    assert waited.returncode == 1
    assert "error     invalid_rows: line 51.item must be an object" in waited.stdout
    assert advised(waited.stdout) == []
    assert resumed.returncode == 1
    assert resumed.stderr.startswith("400: This run cannot be resumed. Its rows cannot be used")
    assert broken.stderr.startswith("The file of criteria is no JSON")
    assert runs(server, "regrade", *ids).returncode == 2
    assert runs(server, "show", run["eval_id"], "nothing").returncode == 1


def test_who_stops_waiting_in_a_terminal_has_seen_how_far_it_is_and_the_run_goes_on(
    server: EvaldServer, models: ModelServer
) -> None:
    run = canceled(server, models)
    models.script(Step(hold="before"))
    command = [sys.executable, "-m", "evald", "runs", "resume", run["eval_id"], run["id"]]
    terminal, end = pty.openpty()
    waiting = subprocess.Popen(
        [*command, "--wait", "--url", server.url],
        cwd=CHECKOUT,
        env=evald_environment({}),
        stdout=subprocess.DEVNULL,
        stderr=end,
    )
    os.close(end)
    seen = bytearray()

    def is_shown() -> bool:
        seen.extend(os.read(terminal, 1000))
        return b"\r\x1b[K0 of 3: 0 passed" in seen

    until(is_shown)
    waiting.send_signal(signal.SIGINT)
    assert waiting.wait(30) == 130
    seen.extend(os.read(terminal, 1000))
    os.close(terminal)
    assert b"The run goes on; cancel it with:" in seen
    assert get_run(server, run)["status"] == "in_progress"
    models.release()
    get_final(server, run)
