"""Files of elsewhere keep their ids and times."""

import sqlite3
from contextlib import closing
from typing import Any

from tests.importing.making import THEN, imported, new_archive
from tests.runs.making import create_run, get_final, jsonl
from tests.server import Answer, EvaldServer

CONTENT = jsonl([{"item": {"answer": "4"}, "sample": {"output_text": "4"}}] * 3)


def send(server: EvaldServer, content: bytes = CONTENT, **fields: str) -> Answer:
    """Import a file; a field that is empty is left out."""
    given = {"purpose": "evals", "created_at": str(THEN), **fields}
    parts = [
        f'--x\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in given.items()
        if value
    ]
    head = b'--x\r\ncontent-disposition: form-data; name="file"; filename="rows.jsonl"\r\n\r\n'
    body = b"".join([*parts, head, content, b"\r\n--x--\r\n"])
    kind = {"content-type": "multipart/form-data; boundary=x"}
    return server.ask("POST", "/v1/files/import", body, kind)


def new_file_id() -> str:
    return new_archive().eval_id.replace("eval_", "file-")


def test_a_file_keeps_its_id_its_times_and_its_bytes(server: EvaldServer) -> None:
    file_id = new_file_id()

    answer = send(server, id=file_id, expires_at="4000000000")

    expected = {
        "id": file_id,
        "object": "file",
        "bytes": len(CONTENT),
        "created_at": THEN,
        "expires_at": 4_000_000_000,
        "filename": "rows.jsonl",
        "purpose": "evals",
        "status": "processed",
        "status_details": None,
    }
    assert (answer.status, answer.json) == (200, expected)
    assert server.ask("GET", f"/v1/files/{file_id}").json == expected
    assert server.ask("GET", f"/v1/files/{file_id}/content").body == CONTENT


def test_the_same_file_again_changes_nothing_and_another_one_is_refused(
    server: EvaldServer,
) -> None:
    file_id = new_file_id()
    large = b"x" * (2**20 + 5)
    first = send(server, large, id=file_id)

    again = send(server, large, id=file_id, created_at="5")
    others = [send(server, other, id=file_id) for other in (large + b"x", large[:-1], b"y")]

    assert (again.status, again.json) == (200, first.json)
    for refused in others:
        assert (refused.status, refused.json["error"]["code"]) == (409, "id_taken")
        assert refused.headers["x-should-retry"] == "false"
    assert server.ask("GET", f"/v1/files/{file_id}/content").body == large


def test_a_file_whose_time_is_over_comes_in_again(server: EvaldServer) -> None:
    file_id = new_file_id()
    send(server, id=file_id, expires_at="4000000000")
    with closing(sqlite3.connect(server.data_dir / "evald.db")) as database, database:
        database.execute("UPDATE files SET expires_at = ? WHERE id = ?", [THEN + 1, file_id])
    assert server.ask("GET", f"/v1/files/{file_id}").status == 404

    again = send(server, b"other", id=file_id)

    assert (again.status, again.json["expires_at"]) == (200, None)
    assert server.ask("GET", f"/v1/files/{file_id}/content").body == b"other"


def test_an_imported_eval_runs_over_the_file_that_came_with_it(server: EvaldServer) -> None:
    archive, file_id = new_archive(), new_file_id()
    imported(server, *archive.whole)
    send(server, id=file_id)
    source = {"type": "jsonl", "source": {"type": "file_id", "id": file_id}}

    run = get_final(server, create_run(server, archive.eval_id, source))

    assert (run["status"], run["result_counts"]["passed"]) == ("completed", 3)


def test_a_file_that_is_no_json_lines_is_kept_and_refused_by_a_run(server: EvaldServer) -> None:
    archive, file_id = new_archive(), new_file_id()
    imported(server, archive.eval())
    assert send(server, b"a,b\n1,2\n", id=file_id).status == 200
    source = {"type": "jsonl", "source": {"type": "file_id", "id": file_id}}

    refused = server.ask("POST", archive.runs_path, {"data_source": source})

    assert (refused.status, refused.json["error"]["code"]) == (400, "invalid_row")


def test_what_is_wrong_with_a_form_is_named_and_leaves_nothing(server: EvaldServer) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"id": ""}, "id"),
        ({"id": "../a"}, "id"),
        ({"id": "a" * 201}, "id"),
        ({"created_at": ""}, "created_at"),
        ({"created_at": "-1"}, "created_at"),
        ({"created_at": "1.5"}, "created_at"),
        ({"created_at": "9" * 30}, "created_at"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"expires_at": "5"}, "expires_at"),
        ({"purpose": "odd"}, "purpose"),
        ({"purpose": ""}, "purpose"),
    ]
    for fields, param in wrong:
        file_id = new_file_id()

        answer = send(server, **{"id": file_id, **fields})

        assert (answer.status, answer.json["error"]["param"]) == (400, param), fields
        assert server.ask("GET", f"/v1/files/{file_id}").status == 404
    assert send(server, b"", id=new_file_id()).json["error"]["code"] == "empty_file"
