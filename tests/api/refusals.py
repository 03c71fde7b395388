"""What a refusal must look like, and what it must leave as it was."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.server import Answer, EvaldServer
from tests.waiting import until

REQUEST_ID_LENGTH = len("req_") + 32
MODEL = "scripted"

ITEM_SCHEMA = {
    "type": "object",
    "properties": {"q": {"type": "string"}, "n": {"type": "integer"}},
    "required": ["q"],
}
CRITERION = {
    "type": "string_check",
    "name": "exact",
    "input": "{{ item.q }}",
    "reference": "a",
    "operation": "eq",
}
SIMILAR = {
    "type": "text_similarity",
    "name": "alike",
    "input": "{{ item.q }}",
    "reference": "a",
    "evaluation_metric": "fuzzy_match",
    "pass_threshold": 0.5,
}
EVAL = {
    "name": "prepared",
    "data_source_config": {"type": "custom", "item_schema": ITEM_SCHEMA},
    "testing_criteria": [CRITERION],
}
ROW = {"item": {"q": "a"}}
BOUNDARY = "the-boundary"


@dataclass(frozen=True)
class Prepared:
    """A server with one eval, one completed run of one item, a file and stored answers."""

    server: EvaldServer
    eval_id: str
    run_id: str
    item_id: str
    file_id: str
    completion_id: str
    response_id: str

    @property
    def runs(self) -> str:
        """The path of the eval's runs."""
        return f"/v1/evals/{self.eval_id}/runs"

    def everything(self) -> dict[str, bytes]:
        """Give all that the lists show now."""
        found = {
            path: self.server.ask("GET", f"{path}?limit=1000").body
            for path in (
                *("/v1/evals", "/v1/files", "/v1/chat/completions"),
                f"{self.runs}/{self.run_id}/output_items",
            )
        }
        for each in self.server.ask("GET", "/v1/evals?limit=1000").json["data"]:
            path = f"/v1/evals/{each['id']}/runs"
            found[path] = self.server.ask("GET", f"{path}?limit=1000").body
        return found

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Check that the lists are the same after the block as before it."""
        before = self.everything()
        yield
        assert self.everything() == before


def prepare(server: EvaldServer) -> Prepared:
    """Make one object of each kind."""
    eval_id = created(server, "/v1/evals", EVAL)
    run_id = created(server, f"/v1/evals/{eval_id}/runs", run_of(ROW))
    until(lambda: status_of(server, eval_id, run_id) == "completed")
    items = server.ask("GET", f"/v1/evals/{eval_id}/runs/{run_id}/output_items").json["data"]
    file_id = upload(server, b'{"item": {"q": "a"}}\n').json["id"]
    logged = {"id": "chatcmpl-1", "choices": [{"message": {"content": "a"}}], "messages": []}
    imported = server.ask("POST", "/v1/chat/completions/import", logged)
    assert imported.json["imported"] == 1
    logged = {"id": "resp_1", "output": [], "input": "a"}
    imported = server.ask("POST", "/v1/chat/completions/import", logged)
    assert imported.json["imported"] == 1
    return Prepared(server, eval_id, run_id, items[0]["id"], file_id, "chatcmpl-1", "resp_1")


def created(server: EvaldServer, path: str, body: object) -> str:
    """Create an object and give its id."""
    answer = server.ask("POST", path, body)
    assert answer.status == 201, answer.body
    return str(answer.json["id"])


def run_of(*rows: object) -> Any:
    """Give the body of a run over these rows, without a model."""
    return {"data_source": {"type": "jsonl", "source": inline(*rows)}}


def sampled_run_of(*rows: object, **also: object) -> Any:
    """Give the body of a run that asks a model about these rows."""
    ask = {"type": "template", "template": [{"role": "user", "content": "{{ item.q }}"}]}
    source = {"type": "completions", "source": inline(*rows), "model": MODEL, "input_messages": ask}
    return {"data_source": {**source, **also}}


def inline(*rows: object) -> Any:
    """Give a source of rows that come with the request."""
    return {"type": "file_content", "content": list(rows)}


def from_file(file_id: str) -> Any:
    """Give the body of a run over the rows of a file."""
    return {"data_source": {"type": "jsonl", "source": {"type": "file_id", "id": file_id}}}


def status_of(server: EvaldServer, eval_id: str, run_id: str) -> str:
    """Give the status that a run has now."""
    return str(server.ask("GET", f"/v1/evals/{eval_id}/runs/{run_id}").json["status"])


def form(*parts: tuple[str, str, bytes]) -> bytes:
    """Give the body of a form: for each part its name, what else its header says, its content."""
    body = b""
    for name, rest, content in parts:
        head = f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"{rest}\r\n\r\n'
        body += head.encode() + content + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


FORM = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
NAMED = '; filename="rows.jsonl"'


def upload(server: EvaldServer, content: bytes, purpose: str = "evals") -> Answer:
    """Upload a file."""
    body = form(("purpose", "", purpose.encode()), ("file", NAMED, content))
    return server.ask("POST", "/v1/files", body, FORM)


def check_refusal(
    answer: Answer,
    status: int = 400,
    *,
    param: str | None = None,
    code: str | None = None,
    says: str | Callable[[str], bool] = "",
) -> None:
    """Check the status, the four keys, and what the message says (a part of it, or a rule)."""
    assert answer.status == status, answer.body[:500]
    assert answer.headers["content-type"] == "application/json"
    assert len(answer.headers["x-request-id"]) == REQUEST_ID_LENGTH
    assert answer.json.keys() == {"error"}
    error = answer.json["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    assert (error["param"], error["code"]) == (param, code), error["message"]
    message = error["message"]
    assert isinstance(message, str)
    assert len(message) > 10
    assert says(message) if callable(says) else says in message, message
