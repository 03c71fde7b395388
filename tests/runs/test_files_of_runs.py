"""Runs over files: small ones that are read at once, large ones that are read after the answer."""

import pytest

from tests.model_server.client import ModelServer
from tests.model_server.script import Step
from tests.runs.invariants import check
from tests.runs.making import (
    asked,
    create_eval,
    create_run,
    get_final,
    items_of,
    jsonl,
    row,
    rows,
    sampled,
    upload,
)
from tests.server import EvaldServer

LARGE = 5 * 1024 * 1024
"""Bytes of a file that is read after the answer; up to 4 MB it is read before."""


def padded(number: int, size: int) -> bytes:
    """Give so many rows as JSON lines, of about so many bytes in all."""
    text = "x" * (size // number)
    return jsonl([{"item": {**row(n)["item"], "padding": text}} for n in range(number)])


@pytest.mark.parametrize("size", [1000, LARGE])
def test_a_run_over_a_file_has_a_row_for_each_line(
    server: EvaldServer, models: ModelServer, size: int
) -> None:
    run = create_run(server, create_eval(server), sampled(upload(server, padded(50, size))))

    assert get_final(server, run)["status"] == "completed"
    final, items = check(server, run["eval_id"], run["id"])
    assert (run["status"], run["evald"]["rows"]) == ("queued", 50 if size < LARGE else None)
    assert (final["evald"]["rows"], len(items)) == (50, 50)


@pytest.mark.parametrize("size", [1000, 40 * 1024 * 1024])
def test_a_file_that_is_deleted_after_the_run_was_created_does_not_hurt_it(
    server: EvaldServer, models: ModelServer, size: int
) -> None:
    file_id = upload(server, padded(50, size))
    run = create_run(server, create_eval(server), sampled(file_id))

    asked(server, "DELETE", f"/v1/files/{file_id}")

    assert server.ask("GET", f"/v1/files/{file_id}").status == 404
    assert server.ask("GET", f"/v1/files/{file_id}/content").status == 404
    assert get_final(server, run)["status"] == "completed"
    final, _ = check(server, run["eval_id"], run["id"])
    assert final["result_counts"]["total"] == 50


def test_a_deleted_file_is_kept_for_as_many_runs_as_still_have_to_read_it(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(text="row 1"))
    file_id, eval_id = upload(server, padded(20, LARGE)), create_eval(server)
    runs = [create_run(server, eval_id, sampled(file_id)) for _ in range(4)]

    asked(server, "DELETE", f"/v1/files/{file_id}")

    for run in runs:
        assert get_final(server, run)["result_counts"]["total"] == 20
        check(server, eval_id, run["id"])


BAD_ENDS = {
    "no item": (b'{"question": "x"}\n', "line 51.item is missing: write a row as"),
    "an item that is no object": (b'{"item": 5}\n', "line 51.item must be an object, not a number"),
    "a sample that is no object": (b'{"item": {}, "sample": []}', "line 51.sample must be an"),
}


@pytest.mark.parametrize(("end", "reason"), BAD_ENDS.values(), ids=BAD_ENDS.keys())
def test_a_large_file_with_a_bad_row_makes_the_run_failed_before_any_call(
    server: EvaldServer, models: ModelServer, end: bytes, reason: str
) -> None:
    file_id = upload(server, padded(50, LARGE) + end)
    run = create_run(server, create_eval(server), sampled(file_id))

    final = get_final(server, run)

    assert (final["status"], final["error"]["code"]) == ("failed", "invalid_rows")
    assert reason in final["error"]["message"]
    assert (items_of(server, run), models.stats().started) == ([], 0)


def test_a_large_file_of_blank_lines_makes_the_run_failed(
    server: EvaldServer, models: ModelServer
) -> None:
    # The lines of a file for another purpose are not looked at when it is uploaded.
    file_id = upload(server, b"\n" * LARGE, b"user_data")
    run = create_run(server, create_eval(server), sampled(file_id))

    final = get_final(server, run)

    assert final["error"] == {"code": "invalid_rows", "message": "The file has no rows."}
    check(server, run["eval_id"], run["id"])


def test_two_runs_over_one_file_do_not_disturb_each_other(
    server: EvaldServer, models: ModelServer
) -> None:
    file_id, eval_id = upload(server, rows(30)), create_eval(server)

    runs = [create_run(server, eval_id, sampled(file_id)) for _ in range(2)]

    for run in runs:
        assert get_final(server, run)["result_counts"]["total"] == 30
        check(server, eval_id, run["id"])
    assert set(models.stats().calls_by_message.values()) == {2}
