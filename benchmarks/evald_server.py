"""evald as a user has it: the command `evald serve`, and its API over HTTP."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.processes import free_port
from benchmarks.rows import Row, jsonl

COMMAND = Path(sys.executable).with_name("evald")
READY_WITHIN_S = 60
STOPPED_WITHIN_S = 20
IDLE_S = 1
FINAL = ("completed", "failed", "canceled")
BOUNDARY = "benchmark-rows"

ITEM_SCHEMA = {
    "type": "object",
    "properties": {"question": {"type": "string"}, "answer": {"type": "string"}},
    "required": ["question", "answer"],
}
CRITERION = {
    "type": "string_check",
    "name": "exact",
    "input": "{{ sample.output_text }}",
    "reference": "{{ item.answer }}",
    "operation": "eq",
}
EVAL = {
    "name": "benchmark",
    "data_source_config": {
        "type": "custom",
        "item_schema": ITEM_SCHEMA,
        "include_sample_schema": True,
    },
    "testing_criteria": [CRITERION],
}
PROMPT = {
    "type": "template",
    "template": [{"role": "user", "content": "{{ item.question }}"}],
}


def evald_environment(model_url: str, settings: Mapping[str, str]) -> dict[str, str]:
    """Give the environment of an evald process: this model server, these variables, and no others."""
    ours = {k: v for k, v in os.environ.items() if not k.startswith("EVALD_")}
    upstream = {"EVALD_UPSTREAM_BASE_URL": model_url, "EVALD_UPSTREAM_API_KEY": "benchmark"}
    return ours | upstream | dict(settings)


class EvaldServer:
    """An evald process with a data directory of its own for the duration of a ``with`` block."""

    def __init__(
        self, model_url: str, settings: Mapping[str, str] | None = None, data: Path | None = None
    ) -> None:
        """Name the model server and more of evald's variables; nothing is started yet.

        `data` is a data directory that is there already, and stays.
        """
        self.environment = evald_environment(model_url, settings or {})
        self.data = data
        self.last_used = 0.0

    def __enter__(self) -> Self:
        """Start evald and wait until it is healthy; RuntimeError with its output if it is not."""
        self.folder = tempfile.TemporaryDirectory(prefix="evald-benchmark-")
        self.log = Path(self.folder.name) / "evald.log"
        port = free_port()
        self.process = self._start(port)
        self.connection = HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            self._wait_until_healthy()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop evald and remove its data."""
        self._stop()

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Make a call and give the parsed answer; RuntimeError if it is an error."""
        sent = None if body is None else json.dumps(body).encode()
        return self._exchange(method, path, sent, "application/json")

    def upload(self, rows: list[Row]) -> str:
        """Upload rows as a file for evals; give its id."""
        disposition = 'Content-Disposition: form-data; name="purpose"\r\n\r\nevals\r\n'
        file = 'Content-Disposition: form-data; name="file"; filename="rows.jsonl"\r\n\r\n'
        head = f"--{BOUNDARY}\r\n{disposition}--{BOUNDARY}\r\n{file}".encode()
        body = head + jsonl(rows) + f"\r\n--{BOUNDARY}--\r\n".encode()
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        file_id: str = self._exchange("POST", "/v1/files", body, kind)["id"]
        return file_id

    def create_eval(self) -> str:
        """Create the eval with one exact match; give its id."""
        eval_id: str = self.ask("POST", "/v1/evals", EVAL)["id"]
        return eval_id

    def create_run(self, eval_id: str, file_id: str) -> Any:
        """Start a completions run over an uploaded file; give the run."""
        source = {"type": "file_id", "id": file_id}
        data_source = {
            "type": "completions",
            "source": source,
            "model": "scripted",
            "input_messages": PROMPT,
        }
        return self.ask("POST", f"/v1/evals/{eval_id}/runs", {"data_source": data_source})

    def until_final(self, run: Any, poll_s: float) -> Any:
        """Ask for the run at this interval until its status is final."""
        path = f"/v1/evals/{run['eval_id']}/runs/{run['id']}"
        while run["status"] not in FINAL:
            time.sleep(poll_s)
            run = self.ask("GET", path)
        return run

    def output_items(self, run: Any) -> Iterator[Any]:
        """Give all output items of a run, page by page as SDKs do."""
        path = f"/v1/evals/{run['eval_id']}/runs/{run['id']}/output_items?limit=100"
        page = self.ask("GET", path)
        yield from page["data"]
        while page["has_more"]:
            page = self.ask("GET", f"{path}&after={page['data'][-1]['id']}")
            yield from page["data"]

    def _start(self, port: int) -> subprocess.Popen[bytes]:
        if not COMMAND.exists():
            raise SystemExit(f"There is no {COMMAND}; `make check` or `make test` installs it.")
        data = self.folder.name if self.data is None else str(self.data)
        where = ["--host", "127.0.0.1", "--port", str(port), "--data-dir", data]
        with self.log.open("wb") as log:
            return subprocess.Popen(
                [COMMAND, "serve", *where],
                env=self.environment,
                cwd=self.folder.name,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                self.ask("GET", "/healthz")
            except (ConnectionError, RuntimeError):
                self.connection.close()
                time.sleep(0.02)
            else:
                return
        raise RuntimeError(f"evald did not become healthy; it says:\n{self.log.read_text()}")

    def _exchange(self, method: str, path: str, body: bytes | None, kind: str) -> Any:
        headers = {"content-type": kind} if body is not None else {}
        if time.monotonic() - self.last_used > IDLE_S:
            self.connection.close()  # evald may have closed it; the next request opens a new one
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        said = answer.read()
        self.last_used = time.monotonic()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path} answered {answer.status}: {said.decode()}")
        return json.loads(said)

    def _stop(self) -> None:
        self.connection.close()
        self.process.terminate()
        try:
            self.process.wait(STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()
