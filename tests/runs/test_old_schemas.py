"""Evals whose item schema an earlier version took and this one refuses: their runs say so."""

import json
import sqlite3
from typing import Any

import pytest

from tests.runs.making import (
    EXACT,
    create_eval,
    create_run,
    from_rows,
    get_final,
    given,
    path_of,
    rows,
    upload,
)
from tests.server import EvaldServer

CIRCLE = {"$ref": "#"}
SAYS = "The item_schema of this eval cannot be used: "


def with_schema(server: EvaldServer, eval_id: str, item_schema: Any) -> str:
    """Give the eval another item schema, past all checks."""
    config = {"type": "custom", "schema": {"properties": {"item": item_schema}}}
    with sqlite3.connect(server.data_dir / "evald.db", timeout=60) as connection:
        changed = connection.execute(
            "UPDATE evals SET data_source_config = ? WHERE id = ?", (json.dumps(config), eval_id)
        )
        assert changed.rowcount == 1
    connection.close()
    return eval_id


def check_refused(server: EvaldServer, eval_id: str, data_source: Any) -> None:
    answer = server.ask("POST", f"/v1/evals/{eval_id}/runs", {"data_source": data_source})

    error = answer.json["error"]
    assert (answer.status, error["param"], error["code"]) == (
        400,
        "eval_id",
        "unusable_item_schema",
    )
    assert error["message"].startswith(SAYS)


@pytest.mark.parametrize("row_bytes", [10, 3_000_000], ids=["read here", "read aside"])
def test_rows_in_a_request_are_refused_with_the_schema_as_the_reason(
    server: EvaldServer, row_bytes: int
) -> None:
    eval_id = with_schema(server, create_eval(server, EXACT), CIRCLE)

    check_refused(server, eval_id, given([{"item": {"text": "x" * row_bytes}}]))


def test_a_file_is_refused_with_the_schema_as_the_reason(server: EvaldServer) -> None:
    eval_id = with_schema(server, create_eval(server, EXACT), CIRCLE)

    check_refused(server, eval_id, given(upload(server, rows(3))))


def test_stored_completions_are_refused_with_the_schema_as_the_reason(server: EvaldServer) -> None:
    eval_id = with_schema(server, create_eval(server, EXACT), CIRCLE)

    source = {"type": "completions", "source": {"type": "stored_completions"}}
    check_refused(server, eval_id, source)


def test_a_run_over_a_file_that_is_read_later_fails_with_the_schema_as_the_reason(
    server: EvaldServer,
) -> None:
    eval_id = with_schema(server, create_eval(server, EXACT), CIRCLE)
    file_id = upload(server, [{"item": {"text": "x" * 3_000_000}}] * 2)

    run = get_final(
        server, create_run(server, eval_id, {"type": "jsonl", "source": from_rows(file_id)})
    )

    assert (run["status"], run["error"]["code"]) == ("failed", "unusable_item_schema")
    assert run["error"]["message"].startswith(SAYS)
    assert server.ask("GET", path_of(run)).status == 200
