"""Runs and evals that are deleted while work goes on in them."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.crash.points import Barrier, MinedServer
from tests.model_server.client import ModelServer
from tests.model_server.script import Step
from tests.runs.canceling import calls_so_far, check_no_call_since
from tests.runs.conftest import StartServer
from tests.runs.invariants import check
from tests.runs.making import (
    asked,
    create_eval,
    create_run,
    get_final,
    get_saved,
    path_of,
    rows,
    sampled,
    upload,
)
from tests.server import EvaldServer

PLACES = 64


def test_deleting_a_run_in_progress_cuts_off_its_calls_and_leaves_nothing(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(hold="before"))
    run = create_run(server, create_eval(server), sampled(rows(300)))
    models.wait(held=PLACES)
    models.release(10)
    get_saved(server, run, 10)
    models.wait(held=PLACES)

    deleted = asked(server, "DELETE", path_of(run))

    known = calls_so_far(models)
    assert deleted == {"object": "eval.run.deleted", "deleted": True, "run_id": run["id"]}
    assert models.wait(in_flight=0).aborted == PLACES
    check_no_call_since(models, known)
    assert server.ask("GET", path_of(run)).status == 404
    assert server.ask("GET", f"{path_of(run)}/output_items").status == 404
    assert server.ask("POST", f"{path_of(run)}/cancel").status == 404


def test_deleting_an_eval_cuts_off_all_its_runs_and_no_other(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(hold="before"))
    doomed, spared = create_eval(server), create_eval(server)
    runs = [create_run(server, doomed, sampled(rows(20))) for _ in range(3)]
    other = create_run(server, spared, sampled(rows(4)))
    models.wait(held=PLACES)

    deleted = asked(server, "DELETE", f"/v1/evals/{doomed}")

    assert deleted == {"object": "eval.deleted", "deleted": True, "eval_id": doomed}
    assert models.wait(held=4).aborted == 60
    assert [server.ask("GET", path_of(run)).status for run in runs] == [404] * 3
    models.release()
    assert get_final(server, other)["status"] == "completed"
    check(server, spared, other["id"])


def test_deleting_a_run_that_waits_lets_those_behind_it_go_on(
    start_server: StartServer, models: ModelServer
) -> None:
    server = start_server(runs_at_once=1)
    models.script(Step(hold="before"))
    eval_id = create_eval(server)
    first, second, third = (create_run(server, eval_id, sampled(rows(2, n))) for n in (0, 10, 20))
    models.wait(held=2)

    asked(server, "DELETE", path_of(second))
    models.release()

    assert [get_final(server, run)["status"] for run in (first, third)] == ["completed"] * 2
    assert models.stats().started == 4


def test_deleting_a_run_whose_large_file_is_being_read_leaves_nothing(
    server: EvaldServer, models: ModelServer
) -> None:
    file_id = upload(server, b'{"item": {"question": "%s"}}\n' % (b"x" * 1000) * 30_000)
    eval_id = create_eval(server)
    run = create_run(server, eval_id, sampled(file_id))

    asked(server, "DELETE", path_of(run))

    assert server.ask("GET", path_of(run)).status == 404
    assert models.stats().started == 0
    assert get_final(server, create_run(server, eval_id, sampled(rows(2))))["status"] == "completed"


@pytest.mark.parametrize("inline", [True, False])
def test_a_run_for_an_eval_that_is_deleted_meanwhile_is_not_found(
    server: EvaldServer, models: ModelServer, inline: bool
) -> None:
    eval_id = create_eval(server)
    source = rows(2) if inline else upload(server, rows(2))
    body = json.dumps({"data_source": sampled(source)}).encode()

    with begun(server, f"/v1/evals/{eval_id}/runs", len(body)) as connection:
        asked(server, "DELETE", f"/v1/evals/{eval_id}")
        connection.sendall(body)
        status = answered_status(connection)

    assert status == 404
    assert models.stats().started == 0


def begun(server: EvaldServer, path: str, length: int) -> socket.socket:
    """Send the head of a POST whose body comes later."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\nconnection: close\r\n"
    connection.sendall(f"{head}content-type: application/json\r\n".encode())
    connection.sendall(f"content-length: {length}\r\n\r\n".encode())
    return connection


def answered_status(connection: socket.socket) -> int:
    """Give the status of the answer."""
    with connection.makefile("rb") as answer:
        return int(answer.readline().split()[1])


def test_a_run_that_is_created_while_its_eval_is_being_deleted_does_not_go_on(
    models: ModelServer, tmp_path: Path
) -> None:
    models.script(Step(hold="before"))
    with Barrier(tmp_path, "deleting") as deleting, ThreadPoolExecutor(1) as pool:
        server = MinedServer(tmp_path, upstream=models.url)
        server.points = [deleting.point("evald.runs.cancel:cancel_run")]
        with server:
            eval_id = create_eval(server)
            runs = [create_run(server, eval_id, sampled(rows(3)))]
            deletion = pool.submit(asked, server, "DELETE", f"/v1/evals/{eval_id}")
            deleting.reached()
            runs.append(create_run(server, eval_id, sampled(rows(4))))
            models.wait(held=7)

            deleting.go_on()

            assert deletion.result()["deleted"]
            assert models.wait(in_flight=0).aborted == 7
            assert [server.ask("GET", path_of(run)).status for run in runs] == [404, 404]
        assert "Traceback" not in server.log()


def test_deleting_an_eval_while_runs_are_being_created_in_it_leaves_none_at_work(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(hold="before"))
    for _ in range(10):
        eval_id = create_eval(server)
        with ThreadPoolExecutor(5) as pool:
            creating = [pool.submit(create_plainly, server, eval_id) for _ in range(4)]
            deleting = pool.submit(server.ask, "DELETE", f"/v1/evals/{eval_id}")
            answers = [each.result() for each in creating]
        assert deleting.result().status == 200
        assert {answer.status for answer in answers} <= {201, 404}
        assert server.ask("GET", f"/v1/evals/{eval_id}/runs").status == 404
    models.wait(in_flight=0)


def create_plainly(server: EvaldServer, eval_id: str) -> Any:
    """Try to create a run."""
    body = {"data_source": sampled(rows(3))}
    return server.ask("POST", f"/v1/evals/{eval_id}/runs", body)
