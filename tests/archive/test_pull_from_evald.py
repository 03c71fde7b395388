"""A pull from a real evald: everything that its API gives is in the archive."""

import json
from pathlib import Path
from typing import Any

from tests.archive.pulling import arguments
from tests.server import EvaldServer, evald_ended
from tests.waiting import until

BOUNDARY = "boundary-of-parts"


def test_everything_that_evald_holds_is_in_the_archive_byte_for_byte(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    with EvaldServer(tmp_path) as server:
        eval_id = made_eval(server)
        run_ids = [made_run(server, eval_id, items) for items in (3, 230)]
        file_id = uploaded(server, b'{"item": {"q": "\xc3\xa6"}}\n')
        completion_id = logged(server)
        pull = evald_ended(*arguments(server.base_url, folder, "--stored-completions"))

        assert (pull.returncode, pull.stderr) == (0, "")
        assert_listed(server, "/v1/evals", [folder / "evals" / eval_id / "eval.json"])
        runs = folder / "evals" / eval_id / "runs"
        path = f"/v1/evals/{eval_id}/runs"
        assert_listed(server, path, [runs / each / "run.json" for each in run_ids])
        for each in run_ids:
            assert_lines(server, f"{path}/{each}/output_items", runs / each / "output_items.jsonl")
        assert_listed(server, "/v1/files", [folder / "files" / file_id / "file.json"])
        content = server.ask("GET", f"/v1/files/{file_id}/content").body
        assert (folder / "files" / file_id / "content").read_bytes() == content
        stored = folder / "stored_completions" / completion_id
        assert_listed(server, "/v1/chat/completions", [stored / "completion.json"])
        messages = f"/v1/chat/completions/{completion_id}/messages"
        assert_lines(server, messages, stored / "messages.jsonl")

        again = evald_ended(*arguments(server.base_url, folder))
        assert "2 runs (2 of them here already), 0 output items read" in again.stdout


def made_eval(server: EvaldServer) -> str:
    body = {
        "name": "Straße \U0001f600",
        "data_source_config": {"type": "custom", "item_schema": {"type": "object"}},
        "testing_criteria": [
            {
                "type": "string_check",
                "name": "same",
                "input": "{{ item.a }}",
                "operation": "eq",
                "reference": "0",
            }
        ],
    }
    return identified(server.ask("POST", "/v1/evals", body).json)


def made_run(server: EvaldServer, eval_id: str, items: int) -> str:
    rows = [{"item": {"a": f"{number}", "b": 1e-7, "c": "\u2028é"}} for number in range(items)]
    source = {"type": "jsonl", "source": {"type": "file_content", "content": rows}}
    made = server.ask("POST", f"/v1/evals/{eval_id}/runs", {"data_source": source}).json
    path = f"/v1/evals/{eval_id}/runs/{made['id']}"
    until(lambda: server.ask("GET", path).json["status"] == "completed")
    return identified(made)


def uploaded(server: EvaldServer, content: bytes) -> str:
    head = f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nevals\r\n'
    head += f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
    body = head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
    form = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    return identified(server.ask("POST", "/v1/files", body, form).json)


def logged(server: EvaldServer) -> str:
    choice = {"index": 0, "message": {"role": "assistant", "content": "4"}, "finish_reason": "stop"}
    answer = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m"}
    request = {"model": "m", "messages": [{"role": "user", "content": "2 + 2?"}]}
    line = json.dumps({"request": request, "response": {**answer, "choices": [choice]}})
    path = "/v1/chat/completions/import"
    assert server.ask("POST", path, line.encode()).json["imported"] == 1
    return "chatcmpl-1"


def identified(made: Any) -> str:
    return str(made["id"])


def assert_listed(server: EvaldServer, path: str, files: list[Path]) -> None:
    body = server.ask("GET", f"{path}?limit=100").body
    ids = {json.loads(file.read_bytes())["id"] for file in files}
    assert ids == {each["id"] for each in json.loads(body)["data"]}
    assert [file for file in files if file.read_bytes() not in body] == []


def assert_lines(server: EvaldServer, path: str, file: Path) -> None:
    after = ""
    lines = file.read_bytes().splitlines()
    while True:
        body = server.ask("GET", f"{path}?limit=100{after}").body
        page = json.loads(body)
        here, lines = lines[: len(page["data"])], lines[len(page["data"]) :]
        assert [json.loads(line) for line in here] == page["data"]
        assert [line for line in here if line not in body] == []
        if not page["has_more"]:
            break
        after = f"&after={page['last_id']}"
    assert lines == []
