"""The tests' side of the model server: starts it, scripts it, asks what it saw."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import urlencode, urlsplit

from tests.model_server.ledger import CallRecord, Stats
from tests.model_server.script import Rule, Step

CHECKOUT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "tests.model_server", "--port", "0"]
SLACK_S = 10  # more than the server's own timeout, so that its answer comes first


@dataclass(frozen=True)
class SeenRequest:
    """A call of a model as the server got it."""

    path: str
    headers: Mapping[str, str]  # names in small letters
    body: Any  # the parsed JSON, as deep as the test needs it
    at: float  # time.monotonic() seconds


class ModelServer:
    """A model server process for the duration of a ``with`` block.

    >>> with ModelServer() as models:
    ...     models.script(Step(status=429, headers={"retry-after": "0"}), Step(text="4"))
    ...     ask(models.url)
    ...     assert models.wait(finished=2).calls_by_message == {"What is 2 + 2?": 2}
    """

    url: str  # the base URL for a client, ends in /v1
    process: subprocess.Popen[str]

    def __enter__(self) -> Self:
        """Start the process and wait until it listens."""
        self.process = subprocess.Popen(COMMAND, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError(f"the model server ended with status {self.process.wait()}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the process."""
        self.process.terminate()
        self.process.communicate()

    def script(self, *steps: Step, per: Literal["message", "rule"] = "message") -> None:
        """Have calls of every model take these steps in turn, the last one for ever.

        Calls with the same last user message are counted together, or all calls (`per`="rule").
        """
        self.script_rules(Rule(steps, per=per))

    def script_rules(self, *rules: Rule) -> None:
        """Replace the script: the first rule that fits a call counts. Closes the gate."""
        self._ask("PUT", "/script", body=[asdict(rule) for rule in rules])

    def release(self, count: int | None = None) -> None:
        """Let all held calls go on, now and later; with a count only so many."""
        self._ask("POST", "/release", {} if count is None else {"count": count})

    def reset(self) -> None:
        """Let held calls go, have every model echo again, count from 0, forget the requests."""
        self.release()
        self.script_rules()
        self._ask("DELETE", "/stats")

    def reset_stats(self) -> None:
        """Count from 0 and forget the requests; the script goes on where it is."""
        self._ask("DELETE", "/stats")

    def stats(self) -> Stats:
        """Give the counters as they are now."""
        return stats_from(self._ask("GET", "/stats"))

    def wait(self, timeout: float = 10, **wanted: int) -> Stats:
        """Give the stats as soon as all these numbers are reached together.

        Names are `started`, `finished`, `aborted`, `in_flight` and `held`. A number is met by more,
        except `in_flight=0`: none in flight. Raises TimeoutError, which tells the last stats.
        """
        query = {**wanted, "timeout": timeout}
        return stats_from(self._ask("GET", "/stats/wait", query, timeout=timeout))

    def calls(self) -> list[CallRecord]:
        """Give the last 100,000 calls of models with their times, oldest first."""
        return [CallRecord(**call) for call in self._ask("GET", "/calls")]

    def requests(self) -> list[SeenRequest]:
        """Give the last 1,000 calls of models, oldest first."""
        return [SeenRequest(**seen) for seen in self._ask("GET", "/requests")]

    def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, float] | None = None,
        body: object = None,
        timeout: float = 0,
    ) -> Any:
        target = f"{path}?{urlencode(query)}" if query else path
        address = urlsplit(self.url).netloc
        connection = HTTPConnection(address, timeout=timeout + SLACK_S)
        try:
            connection.request(method, target, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            said = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status == 408:
            raise TimeoutError(f"not reached in {timeout} s: {target}; the stats are {said}")
        if answer.status != 200:
            raise ValueError(said["error"]["message"])
        return said


def stats_from(said: dict[str, Any]) -> Stats:
    """Read stats as the server sends them."""
    said["started_at"], said["aborted_at"] = tuple(said["started_at"]), tuple(said["aborted_at"])
    return Stats(**said)
