"""Objects for requests to name: one of each, made anew for every test."""

from dataclasses import asdict, dataclass
from typing import Any

from tests.contract.making import EXACT, FINAL, MODEL, completions, custom, row
from tests.server import EvaldServer
from tests.waiting import until

FORM = (
    b'--x\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nevals\r\n'
    b'--x\r\ncontent-disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n'
    b'{"item": {"question": "a", "answer": "a"}}\r\n--x--\r\n'
)
NOWHERE = "http://127.0.0.1:9/hook"
HOOK = {"name": "a", "url": NOWHERE, "event_types": ["eval.run.failed"]}


@dataclass(frozen=True)
class Known:
    """The ids of one object of each kind, by the names that paths give them."""

    eval_id: str
    run_id: str
    output_item_id: str
    file_id: str
    completion_id: str
    response_id: str
    webhook_endpoint_id: str
    model: str = MODEL

    def named_in(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Give the parameters of a path with these ids in the place of others."""
        return {**parameters, **{k: v for k, v in asdict(self).items() if k in parameters}}


def make_known(server: EvaldServer) -> Known:
    """Make an eval with a completed run of two items, a file and a stored completion.

    Any row fits the eval.
    """
    body = {"data_source_config": custom({}), "testing_criteria": [EXACT]}
    eval_id = _made(server, "/v1/evals", body)
    runs = f"/v1/evals/{eval_id}/runs"
    run_id = _made(server, runs, {"data_source": completions(row("a"), row("b", "c"))})
    until(lambda: server.ask("GET", f"{runs}/{run_id}").json["status"] in FINAL)
    items = server.ask("GET", f"{runs}/{run_id}/output_items").json
    asked = {"model": MODEL, "store": True, "messages": [{"role": "user", "content": "a"}]}
    server.ask("POST", "/v1/chat/completions", asked)
    stored = server.ask("GET", "/v1/chat/completions?order=desc&limit=1").json
    form = {"content-type": "multipart/form-data; boundary=x"}
    file = server.ask("POST", "/v1/files", FORM, form).json
    response_id = _made(server, "/v1/responses", {"model": MODEL, "input": "a"})
    endpoints = server.ask("GET", "/v1/webhook_endpoints?limit=1").json["data"]
    endpoint_id = endpoints[0]["id"] if endpoints else _made(server, "/v1/webhook_endpoints", HOOK)
    return Known(
        eval_id=eval_id,
        run_id=run_id,
        output_item_id=items["last_id"],
        file_id=file["id"],
        completion_id=stored["last_id"],
        response_id=response_id,
        webhook_endpoint_id=endpoint_id,
    )


def _made(server: EvaldServer, path: str, body: Any) -> str:
    return str(server.ask("POST", path, body).json["id"])
