"""How a server ends: by SIGTERM, by SIGKILL, and why a second one does not begin."""

import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.crash.accounts import Accounts
from tests.crash.data import saved
from tests.crash.points import MinedServer
from tests.model_server.client import ModelServer
from tests.model_server.script import Fault, Step
from tests.runs.making import (
    ALIKE,
    create_eval,
    create_run,
    get_final,
    get_saved,
    given,
    rows,
    sampled,
    upload,
)
from tests.server import CHECKOUT, evald_command, evald_environment
from tests.waiting import until

PLACES = 64


@pytest.mark.parametrize("stop", ["SIGTERM", "SIGINT"])
def test_a_signal_saves_what_is_finished_aborts_the_calls_and_the_next_process_goes_on(
    server: MinedServer, models: ModelServer, stop: str
) -> None:
    server.start()
    models.script(Step(hold="before"))
    run = create_run(server, create_eval(server), sampled(rows(300)))
    accounts = Accounts(server, models, run["eval_id"], run["id"])
    models.wait(held=PLACES)
    models.release(100)
    get_saved(server, run, 100)
    models.wait(held=PLACES)

    assert end(server, stop) == 0

    accounts.note()
    assert models.stats().aborted == PLACES
    assert saved(server).statuses == {run["id"]: "in_progress"}
    assert len(accounts.rows_left(300)) == 200
    server.restart()
    models.release()
    assert accounts.settle()["status"] == "completed"


def end(server: MinedServer, name: str) -> int:
    """Send a signal and give the exit status."""
    server.process.send_signal(getattr(signal, name))
    server.process.wait(60)
    return server.stop()


def test_items_that_come_in_at_the_moment_of_the_signal_are_saved_or_asked_for_again(
    server: MinedServer, models: ModelServer
) -> None:
    server.start()
    models.script(Step(hold="before"))
    run = create_run(server, create_eval(server), sampled(rows(300)))
    accounts = Accounts(server, models, run["eval_id"], run["id"])
    models.wait(held=PLACES)
    models.release(150)

    assert server.stop() == 0

    accounts.note()
    server.restart()
    models.release()
    assert accounts.settle()["status"] == "completed"


ENDLESS = {
    "a mute endpoint": Step(fault=Fault.HANG_BEFORE),
    "an endless answer": Step(fault=Fault.ENDLESS, gap_ms=1),
    "long pauses": Step(status=429, headers={"retry-after": "100"}),
}


@pytest.mark.parametrize("step", ENDLESS.values(), ids=ENDLESS.keys())
def test_a_server_stops_while_its_run_waits_for(
    server: MinedServer, models: ModelServer, step: Step
) -> None:
    server.start()
    models.script(step)
    run = create_run(server, create_eval(server), sampled(rows(10)))
    models.wait(started=10)

    assert server.stop() == 0

    models.wait(in_flight=0)
    assert saved(server).statuses == {run["id"]: "in_progress"}
    assert saved(server).items == {}


def test_a_server_stops_while_it_reads_a_large_file(
    server: MinedServer, models: ModelServer
) -> None:
    server.start()
    line = b'{"item": {"question": "row 1", "padding": "%s"}}\n' % (b"x" * 20_000)
    file_id = upload(server, line * 1000)
    run = create_run(server, create_eval(server), sampled(file_id))

    assert server.stop() == 0

    server.restart()
    assert get_final(server, run)["result_counts"]["total"] == 1000


TEXTS: Any = {"answer": "to and fro " * 170, "text": "fro and to, and to and fro " * 110}


@pytest.mark.parametrize("kill", [True, False], ids=["killed", "stopped"])
def test_a_server_that_ends_while_it_grades_leaves_no_process_behind(
    server: MinedServer, models: ModelServer, kill: bool
) -> None:
    server.start()
    eval_id = create_eval(server, {**ALIKE, "input": "{{ item.text }}"})
    run = create_run(server, eval_id, given([{"item": TEXTS} for _ in range(8)]))
    get_saved(server, run, 1)
    children = psutil.Process(server.process.pid).children(recursive=True)
    assert children

    if kill:
        server.kill()
    else:
        assert server.stop() == 0

    until(lambda: not any(child.is_running() for child in children))
    server.restart()
    assert Accounts(server, models, eval_id, run["id"]).ended()["status"] == "completed"


def second_start(server: MinedServer, data_dir: Path, **environment: str) -> tuple[int, str]:
    """Start another server and give its exit status and what it said."""
    ended = subprocess.run(
        evald_command("--port", "0", "--data-dir", str(data_dir)),
        cwd=CHECKOUT,
        env=evald_environment({**server.environment, **environment}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ended.returncode, ended.stderr


def test_a_second_server_on_the_same_data_is_refused_and_the_first_goes_on(
    server: MinedServer, models: ModelServer
) -> None:
    server.start()
    models.script(Step(hold="before"))
    run = create_run(server, create_eval(server), sampled(rows(3)))
    models.wait(held=3)

    status, said = second_start(server, server.data_dir)

    assert (status, "Another evald uses" in said) == (1, True), said
    models.release()
    assert get_final(server, run)["status"] == "completed"
    assert models.stats().started == 3


def test_a_second_server_on_the_same_database_is_refused_from_another_folder_too(
    server: MinedServer, models: ModelServer, tmp_path: Path
) -> None:
    server.start()
    of_file = f"sqlite+aiosqlite:///{server.data_dir / 'evald.db'}"
    url = server.environment.get("EVALD_DATABASE_URL", of_file)

    status, said = second_start(server, tmp_path / "another", EVALD_DATABASE_URL=url)

    assert (status, "Another evald uses" in said) == (1, True), said


def test_a_killed_server_keeps_no_lock(server: MinedServer, models: ModelServer) -> None:
    server.start()
    server.kill()

    server.start()

    assert server.ask("GET", "/healthz").status == 200
