"""Evals and runs of a real server, made and read over plain HTTP."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from tests.server import Answer, EvaldServer
from tests.waiting import until

FINAL = ("completed", "failed", "canceled")
MODEL = "scripted"

EXACT = {
    "type": "string_check",
    "name": "exact",
    "input": "{{ sample.output_text }}",
    "reference": "{{ item.answer }}",
    "operation": "eq",
}
ALIKE = {
    "type": "text_similarity",
    "name": "alike",
    "input": "{{ sample.output_text }}",
    "reference": "{{ item.answer }}",
    "evaluation_metric": "fuzzy_match",
    "pass_threshold": 0.5,
}
ASK = {"type": "template", "template": [{"role": "user", "content": "{{ item.question }}"}]}

Row = dict[str, Any]


def rows(number: int, first: int = 0) -> list[Row]:
    """Give rows that the echoing model answers rightly but for every third."""
    return [row(n) for n in range(first, first + number)]


def row(number: int) -> Row:
    """Give the row of this number; its question is the key of the model server's counters."""
    question = f"row {number}"
    return {"item": {"question": question, "answer": question if number % 3 else "zebra"}}


def create_eval(server: EvaldServer, *criteria: Any) -> str:
    """Create an eval, without criteria one with the exact match, and give its id."""
    config = {"type": "custom", "item_schema": {"type": "object"}, "include_sample_schema": True}
    body = {"data_source_config": config, "testing_criteria": list(criteria) or [EXACT]}
    eval_id: str = asked(server, "POST", "/v1/evals", body)["id"]
    return eval_id


def sampled(source: Any, **also: Any) -> Any:
    """Give the data source of a run that asks the model; rows are given as they are or as a file."""
    return {
        "type": "completions",
        "source": from_rows(source),
        "model": MODEL,
        "input_messages": ASK,
        **also,
    }


def given(source: Any) -> Any:
    """Give the data source of a run whose rows bring their samples."""
    return {"type": "jsonl", "source": from_rows(source)}


def from_rows(source: Any) -> Any:
    """Give a source: a list is sent with the request, a text is the id of a file."""
    if isinstance(source, str):
        return {"type": "file_id", "id": source}
    return {"type": "file_content", "content": source}


def create_run(server: EvaldServer, eval_id: str, data_source: Any) -> Any:
    """Create a run and give it as it was answered."""
    return asked(server, "POST", f"/v1/evals/{eval_id}/runs", {"data_source": data_source})


def upload(server: EvaldServer, content: Sequence[Row] | bytes, purpose: bytes = b"evals") -> str:
    """Upload rows, or bytes as they are, and give the id of the file."""
    file_id: str = accepted(send_file(server, content, purpose))["id"]
    return file_id


def send_file(
    server: EvaldServer, content: Sequence[Row] | bytes, purpose: bytes = b"evals"
) -> Answer:
    """Upload a file and give the answer."""
    kind = {"content-type": "multipart/form-data; boundary=rows"}
    return server.ask("POST", "/v1/files", form(content, purpose), kind)


def form(content: Sequence[Row] | bytes, purpose: bytes = b"evals") -> bytes:
    """Give the body of an upload."""
    lines = content if isinstance(content, bytes) else jsonl(content)
    field = b'--rows\r\ncontent-disposition: form-data; name="purpose"\r\n\r\n' + purpose + b"\r\n"
    file = b'--rows\r\ncontent-disposition: form-data; name="file"; filename="rows.jsonl"\r\n\r\n'
    return field + file + lines + b"\r\n--rows--\r\n"


def jsonl(content: Sequence[Row]) -> bytes:
    """Give rows as JSON lines."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in content)


def asked(server: EvaldServer, method: str, path: str, body: object = None) -> Any:
    """Make a request that is not refused and give the parsed answer."""
    return accepted(server.ask(method, path, body))


def accepted(answer: Answer) -> Any:
    """Give the parsed body of an answer that is no error."""
    assert answer.status < 300, answer.body.decode()
    return answer.json


def path_of(run: Any) -> str:
    """Give the path of a run."""
    return f"/v1/evals/{run['eval_id']}/runs/{run['id']}"


def get_run(server: EvaldServer, run: Any) -> Any:
    """Give a run as it is now."""
    return asked(server, "GET", path_of(run))


def get_final(server: EvaldServer, run: Any, within: float = 60) -> Any:
    """Give a run as soon as its status is final."""

    def final() -> Any:
        found = get_run(server, run)
        return found if found["status"] in FINAL else None

    return until(final, within)


def get_saved(server: EvaldServer, run: Any, number: int) -> Any:
    """Give a run as soon as so many items are saved."""

    def saved() -> Any:
        found = get_run(server, run)
        return found if found["result_counts"]["total"] >= number else None

    return until(saved)


def items_of(server: EvaldServer, run: Any, query: str = "limit=1000") -> list[Any]:
    """Give all output items of a run, in the order of the list."""
    return [item for page in pages_of(server, run, query) for item in page]


def pages_of(server: EvaldServer, run: Any, query: str) -> Iterator[list[Any]]:
    """Give the pages of the output items as SDKs read them."""
    after = ""
    while True:
        page = asked(server, "GET", f"{path_of(run)}/output_items?{query}{after}")
        if page["data"]:
            yield page["data"]
        if not page["has_more"]:
            return
        after = f"&after={page['data'][-1]['id']}"
