"""A fault of the server's own: an error in OpenAI's shape, and its reason in the log alone."""

import sqlite3
from pathlib import Path

from tests.server import EvaldServer
from tests.waiting import until


def test_a_fault_of_our_own_answers_500_in_the_shape_of_all_errors(tmp_path: Path) -> None:
    with EvaldServer(tmp_path) as server:
        with sqlite3.connect(server.data_dir / "evald.db") as database:
            database.execute("ALTER TABLE evals RENAME TO elsewhere")

        answer = server.ask("GET", "/v1/evals")

        error = answer.json["error"]
        assert (answer.status, error["type"], error["param"], error["code"]) == (
            500,
            "server_error",
            None,
            None,
        )
        assert "evals" not in error["message"]
        until(lambda: answer.headers["x-request-id"] in server.log())
