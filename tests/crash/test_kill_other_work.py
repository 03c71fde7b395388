"""SIGKILL while runs are canceled, deleted or read, files uploaded, databases migrated."""

from typing import Any

import pytest

from tests.crash.accounts import Accounts
from tests.crash.data import count_rows, saved
from tests.crash.points import MinedServer, Point
from tests.model_server.client import ModelServer
from tests.model_server.script import Step
from tests.runs.canceling import check_kept
from tests.runs.making import (
    asked,
    create_eval,
    create_run,
    form,
    get_saved,
    jsonl,
    path_of,
    row,
    rows,
    sampled,
    upload,
)

LARGE = 6 * 1024 * 1024
UPLOAD = {"content-type": "multipart/form-data; boundary=rows"}


def large_rows(number: int) -> bytes:
    """Give rows that make a file too large to be read before a run is answered."""
    padding = "x" * (LARGE // number)
    return jsonl([{"item": {**row(n)["item"], "padding": padding}} for n in range(number)])


def run_with_items(server: MinedServer, models: ModelServer, *points: Point) -> Any:
    """Start a run, let 20 of its rows be saved, and hold all other calls."""
    server.points = points
    server.start()
    models.script(Step(hold="before"))
    run = create_run(server, create_eval(server), sampled(rows(100)))
    models.wait(held=64)
    models.release(20)
    get_saved(server, run, 20)
    models.wait(held=64)
    return run


UNDONE = [
    Point("evald.runs.cancel:cancel_run", when="before"),
    Point("evald.dispatch.in_process:InProcessDispatch.stop", when="after"),
    Point("evald.store.runs:move", 2, "after"),
    Point("evald.runs.cancel:_cancel", when="after"),
]


@pytest.mark.parametrize("point", UNDONE, ids=str)
def test_a_run_whose_cancel_was_cut_off_goes_on(
    server: MinedServer, models: ModelServer, point: Point
) -> None:
    run = run_with_items(server, models, point)

    answer = server.ask_and_see_it_die("POST", f"{path_of(run)}/cancel")

    server.died()
    accounts = Accounts(server, models, run["eval_id"], run["id"])
    accounts.note()
    server.restart()
    models.release()
    assert answer is None
    assert accounts.settle()["status"] == "completed"


def test_a_cancel_that_was_committed_stays_and_no_call_is_made_again(
    server: MinedServer, models: ModelServer
) -> None:
    run = run_with_items(server, models, Point("evald.runs.cancel:cancel_run", when="after"))

    server.ask_and_see_it_die("POST", f"{path_of(run)}/cancel")

    server.died()
    started = models.wait(in_flight=0).started
    server.restart()
    answer = server.ask("GET", path_of(run))
    assert answer.json["evald"]["calls_aborted"] == 64
    assert len(check_kept(server, run, answer)) == 20
    assert models.stats().started == started


@pytest.mark.parametrize("target", ["evald.store.runs:delete_run", "evald.runs.delete:delete_run"])
def test_a_run_whose_deletion_was_cut_off_is_canceled_or_gone(
    server: MinedServer, models: ModelServer, target: str
) -> None:
    run = run_with_items(server, models, Point(target, when="after"))

    server.ask_and_see_it_die("DELETE", path_of(run))

    server.died()
    server.restart()
    answer = server.ask("GET", path_of(run))
    assert answer.status == (200 if "store" in target else 404)
    assert models.wait(in_flight=0).started == 84
    if answer.status == 200:
        assert len(check_kept(server, run, answer)) == 20
    else:
        assert [count_rows(server, table) for table in ("output_items", "chunks")] == [0, 0]


@pytest.mark.parametrize(
    "target", ["evald.store.evals:delete_eval", "evald.runs.delete:delete_eval"]
)
def test_an_eval_whose_deletion_was_cut_off_is_there_with_its_runs_or_gone(
    server: MinedServer, models: ModelServer, target: str
) -> None:
    run = run_with_items(server, models, Point(target, when="after"))
    path = f"/v1/evals/{run['eval_id']}"

    server.ask_and_see_it_die("DELETE", path)

    server.died()
    server.restart()
    statuses = [server.ask("GET", each).status for each in (path, path_of(run))]
    assert statuses == ([200, 200] if "store" in target else [404, 404])
    assert models.wait(in_flight=0).started == 84


READING = [
    Point("evald.runs.prepare:prepare", when="before"),
    Point("evald.runs.prepare:_insert", 1, "after"),
    Point("evald.runs.prepare:_insert", 3, "before"),
    Point("evald.runs.prepare:_insert", 5, "after"),
    Point("evald.store.runs:set_row_count", when="after"),
    Point("evald.runs.prepare:prepare", when="after"),
]


def die_reading(server: MinedServer, point: Point) -> tuple[str, str, str]:
    """Start a run over a large file that ends with the process; give eval, run and file."""
    server.points = [point]
    server.start()
    file_id, eval_id = upload(server, large_rows(600)), create_eval(server)
    body = {"data_source": sampled(file_id)}
    server.ask_and_see_it_die("POST", f"/v1/evals/{eval_id}/runs", body)
    server.died()
    (run_id,) = saved(server).statuses
    return eval_id, run_id, file_id


@pytest.mark.parametrize("point", READING, ids=str)
def test_a_run_whose_file_was_being_read_has_all_its_rows_once(
    server: MinedServer, models: ModelServer, point: Point
) -> None:
    eval_id, run_id, _ = die_reading(server, point)
    accounts = Accounts(server, models, eval_id, run_id)
    accounts.note()

    server.restart()

    run = accounts.settle()
    assert (run["status"], run["evald"]["rows"]) == ("completed", 600)
    assert models.stats().started == 600


def test_a_file_that_is_deleted_after_the_crash_is_kept_until_the_run_has_read_it(
    server: MinedServer, models: ModelServer
) -> None:
    eval_id, run_id, file_id = die_reading(server, READING[2])

    server.restart()
    asked(server, "DELETE", f"/v1/files/{file_id}")

    run = Accounts(server, models, eval_id, run_id).ended()
    assert (run["status"], run["evald"]["rows"]) == ("completed", 600)
    assert [count_rows(server, table) for table in ("files", "file_parts")] == [0, 0]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_with_a_bad_row_fails_also_when_the_server_died_over_it(
    server: MinedServer, models: ModelServer, when: Any
) -> None:
    server.points = [Point("evald.runs.finish:fail_run", when=when)]
    server.start()
    file_id, eval_id = upload(server, large_rows(50) + b'{"item": 5}\n'), create_eval(server)
    body = {"data_source": sampled(file_id)}
    server.ask_and_see_it_die("POST", f"/v1/evals/{eval_id}/runs", body)
    server.died()
    (run_id,) = saved(server).statuses

    server.restart()

    run = Accounts(server, models, eval_id, run_id).ended()
    assert (run["status"], run["error"]["code"]) == ("failed", "invalid_rows")
    assert run["error"]["message"].startswith("line 51.item ")
    assert models.stats().started == 0


UPLOADING = [
    Point("evald.data_sources.kept_files:keep_file", when="before"),
    Point("evald.store.files:begin_upload", when="after"),
    Point("evald.store.files:add_part", 1, "after"),
    Point("evald.store.files:add_part", 4, "before"),
    Point("evald.store.files:finish_upload", when="before"),
    Point("evald.store.files:finish_upload", when="after"),
]


@pytest.mark.parametrize("point", UPLOADING, ids=str)
def test_an_upload_that_was_cut_off_leaves_no_file_behind(
    server: MinedServer, models: ModelServer, point: Point
) -> None:
    server.points = [point]
    server.start()

    server.ask_and_see_it_die("POST", "/v1/files", form(large_rows(50)), UPLOAD)

    server.died()
    server.restart()
    assert asked(server, "GET", "/v1/files")["data"] == []
    assert [count_rows(server, table) for table in ("files", "file_parts")] == [0, 0]
    known = {"evald.db", "evald.db-wal", "evald.db-shm", "evald.db.lock", "evald.lock"}
    assert {file.name for file in server.data_dir.iterdir()} <= known


MIGRATING = [
    Point("evald.store.migrate:migrate", when="before"),
    Point("evald.store.migrate:schema_version", when="after"),
    Point("alembic.ddl.impl:DefaultImpl.create_table", 1, "after"),
    Point("alembic.ddl.impl:DefaultImpl.create_table", 4, "before"),
    Point("evald.store.migrate:_upgrade", when="after"),
    Point("evald.store.migrate:migrate", when="after"),
]


@pytest.mark.parametrize("point", MIGRATING, ids=str)
def test_a_database_whose_making_was_cut_off_is_made_by_the_next_process(
    server: MinedServer, models: ModelServer, point: Point
) -> None:
    server.launch([point])
    server.died()

    server.restart()

    run = create_run(server, create_eval(server), sampled(rows(3)))
    ended = Accounts(server, models, run["eval_id"], run["id"]).ended()
    assert ended["result_counts"] == {"total": 3, "passed": 2, "failed": 1, "errored": 0}
