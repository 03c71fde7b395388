"""Replays what real clients were seen to send: files of steps, one request each.

The files are not ours and do not lie in the repository: they are looked for in `shared/requests/`
beside the checkout. A step may use `$EVAL_ID`, `$RUN_ID`, `$FILE_ID` and `$LAST_ID`, which stand for
what an earlier step was answered; where no step gives a run, one is made for the eval.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.contract.making import FINAL, MODEL
from tests.contract.schema import own_schema, schema
from tests.server import Answer, EvaldServer
from tests.waiting import until

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "requests"
NOT_REPLAYED = f"!! NO REQUEST WAS REPLAYED: {FOLDER} is not here"
VARIABLE = re.compile(r"\$[A-Z]+_ID")
BOUNDARY = "replayed-form"
GIVES = {"evals.create": "$EVAL_ID", "runs.create": "$RUN_ID", "files.create": "$FILE_ID"}
READS_A_RUN = ("runs.retrieve", "output_items.list", "output_items.retrieve")


@dataclass(frozen=True)
class Outcome:
    """What became of a step; without an answer it needed an id that no step had given."""

    op: str
    answer: Answer | None

    def __str__(self) -> str:
        """Give the status, and of an error its message."""
        if self.answer is None:
            return "out of reach"
        if self.answer.status < 400:
            return str(self.answer.status)
        return f"{self.answer.status} {self.answer.json['error']['message']}"


@dataclass
class Replay:
    """One file of steps on its way through the server."""

    server: EvaldServer
    named: dict[str, str] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    item_schema: Any = None
    within: float = 30
    """Seconds that a run may take."""

    def all_steps(self, steps: list[Any]) -> list[Outcome]:
        """Go through all steps, and give what became of each."""
        gives_a_run = any(step["op"] == "runs.create" for step in steps)
        outcomes = []
        for step in steps:
            if not gives_a_run and "$RUN_ID" in step["path"] and "$RUN_ID" not in self.named:
                self._make_a_run()
            outcomes += [self._step(step) for _ in range(step.get("repeat", 1))][-1:]
        return outcomes

    def _step(self, step: Any) -> Outcome:
        if set(VARIABLE.findall(json.dumps(step))) - self.named.keys():
            return Outcome(step["op"], None)
        if step["op"] in READS_A_RUN:
            self._until_the_run_is_final()
        answer = self._send(self._filled_in(step))
        if answer.status < 400:
            self._take_ids(step, answer.json)
        return Outcome(step["op"], answer)

    def _filled_in(self, step: Any) -> Any:
        text = VARIABLE.sub(lambda found: self.named[found.group()], json.dumps(step))
        return with_our_model(json.loads(text))

    def _send(self, step: Any) -> Answer:
        path = step["path"]
        if step.get("query"):
            path += "?" + urlencode(step["query"])
        headers = {"x-litellm-model": "gpt-4o"}
        body = step.get("body")
        if "multipart" in step:
            body = form_body(step["multipart"])
            headers["content-type"] = f"multipart/form-data; boundary={BOUNDARY}"
        return self._checked(step["method"], path, self._ask(step["method"], path, body, headers))

    def _ask(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Answer:
        return self.server.ask(method, path, body, headers)

    def _checked(self, method: str, path: str, answer: Answer) -> Answer:
        path = path.partition("?")[0]
        for known in (schema(), own_schema()):
            if known is not None:
                self.complaints += known.complaints(method, path, answer.status, answer.json)
        return answer

    def _take_ids(self, step: Any, answered: Any) -> None:
        if step["op"] in GIVES:
            self.named[GIVES[step["op"]]] = answered["id"]
        if step["op"] == "evals.create" and step["body"]["data_source_config"]["type"] == "custom":
            self.item_schema = step["body"]["data_source_config"]["item_schema"]
        if step["op"].endswith(".list") and answered["last_id"]:
            self.named["$LAST_ID"] = answered["last_id"]

    def _make_a_run(self) -> None:
        item = dict.fromkeys(self.item_schema["properties"], "x")
        source = {"type": "file_content", "content": [{"item": item}]}
        runs = f"/v1/evals/{self.named['$EVAL_ID']}/runs"
        body = {"data_source": {"type": "jsonl", "source": source}}
        self.named["$RUN_ID"] = self.server.ask("POST", runs, body).json["id"]
        self._until_the_run_is_final()
        items = self.server.ask("GET", f"{runs}/{self.named['$RUN_ID']}/output_items")
        self.named["$LAST_ID"] = items.json["last_id"]

    def _until_the_run_is_final(self) -> None:
        path = f"/v1/evals/{self.named['$EVAL_ID']}/runs/{self.named['$RUN_ID']}"
        until(lambda: self.server.ask("GET", path).json["status"] in FINAL, within=self.within)


def with_our_model(value: Any) -> Any:
    """Put the model that is served here in the place of every other."""
    if isinstance(value, list):
        return [with_our_model(part) for part in value]
    if isinstance(value, dict):
        return {
            key: MODEL if key == "model" and isinstance(part, str) else with_our_model(part)
            for key, part in value.items()
        }
    return value


def form_body(parts: Any) -> bytes:
    """Give the body of a file upload, with deep fields in brackets as the SDKs send them."""
    file = parts["file"]
    fields = {"purpose": parts["purpose"]}
    for name, value in parts.get("expires_after", {}).items():
        fields[f"expires_after[{name}]"] = str(value)
    texts = [
        f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    texts.append(
        f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="file"; '
        f'filename="{file["filename"]}"\r\n\r\n{file["content"]}\r\n--{BOUNDARY}--\r\n'
    )
    return "".join(texts).encode()
