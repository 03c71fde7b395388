"""The server that an archive is sent to: asked again where that may help, with the pause it names."""

import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, Final
from urllib.parse import SplitResult

import orjson

from evald.rules.retry import RetryPolicy, is_retried, named_pause, wait_before
from evald.rules.terminal import one_line

_POLICY: Final = RetryPolicy(attempts=8)
_FIRST_TRIES: Final = 3
"""How often a server is asked that has never answered: it may not be running."""
_PATIENT_TRIES: Final = 60
"""How often a server is asked that only wants a pause."""
_LONGEST_PAUSE_S: Final = 600.0
_TIMEOUT_S: Final = 300.0
_PAUSING: Final = (429, 503)


class ServerGone(Exception):
    """Nothing more can be sent now. The message says why and what to do."""


@dataclass(frozen=True)
class Address:
    """Where the server is, and who asks."""

    url: SplitResult
    """Its `/v1` follows."""
    headers: Mapping[str, str]
    key: str | None
    """What must never be told; None when the server is asked without one."""

    def safe(self, text: object) -> str:
        """Give a text from outside without the key and without what a terminal would obey."""
        return one_line(text, self.key)


@dataclass(frozen=True)
class Body:
    """What a request carries. It is given anew for each try."""

    content_type: str
    size: int
    pieces: Callable[[], Iterable[bytes]]


@dataclass(frozen=True)
class Said:
    """An answer."""

    status: int
    value: Any
    """Its JSON; None when it is none."""

    @property
    def code(self) -> str | None:
        """Give the code of an error."""
        error = self._error
        return error.get("code") if isinstance(error.get("code"), str) else None

    @property
    def message(self) -> str:
        """Give what an error says."""
        return str(self._error.get("message") or f"it answered {self.status}")

    @property
    def _error(self) -> Mapping[str, Any]:
        error = self.value.get("error") if isinstance(self.value, dict) else None
        return error if isinstance(error, dict) else {}


@dataclass
class Server:
    """The server, asked one thing after the other."""

    address: Address
    tell: Callable[[str], None]
    """Is given a line when the server has to be waited for."""
    _connection: HTTPConnection | None = field(default=None, init=False)
    _has_answered: bool = field(default=False, init=False)

    def meet(self) -> None:
        """See that it is an evald and takes the key. Raises ServerGone."""
        said = self.ask("GET", "evals?limit=1")
        if said.status != 200:
            raise ServerGone(f"What answers there is no evald ({said.status}).")

    def ask(self, method: str, path: str, body: Body | None = None) -> Said:
        """Give the answer of the server, whatever it says of the request itself.

        Raises ServerGone when it does not answer, or asks for another key.
        """
        failures = pauses = 0
        while True:
            try:
                answer, said = self._once(method, path, body)
            except (OSError, HTTPException) as error:
                self.close()
                failures += 1
                if failures >= (_POLICY.attempts if self._has_answered else _FIRST_TRIES):
                    raise ServerGone(
                        f"It does not answer: {error or type(error).__name__}."
                    ) from None
                self._wait(failures, None, "The connection broke")
                continue
            self._has_answered = True
            if answer.status in _PAUSING and pauses < _PATIENT_TRIES:
                pauses += 1
                pause = named_pause(dict(_small(answer)), time.time())
                self._wait(min(pauses, _POLICY.attempts), pause, f"It answered {answer.status}")
            elif _may_get_better(answer.status):
                failures += 1
                if failures >= _POLICY.attempts:
                    raise ServerGone(f"It answers {answer.status}: {said.message}.")
                self._wait(failures, None, f"It answered {answer.status}")
            else:
                return self._heeded(said)

    def _once(self, method: str, path: str, body: Body | None) -> tuple[HTTPResponse, Said]:
        connection = self._connected()
        headers = dict(self.address.headers)
        if body is not None:
            headers |= {"content-type": body.content_type, "content-length": str(body.size)}
        pieces = None if body is None else body.pieces()
        connection.request(method, f"{self.address.url.path}/v1/{path}", pieces, headers)
        answer = connection.getresponse()
        text = answer.read()
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            value = None
        return answer, Said(answer.status, value)

    def _connected(self) -> HTTPConnection:
        if self._connection is None:
            kind = HTTPSConnection if self.address.url.scheme == "https" else HTTPConnection
            self._connection = kind(self.address.url.netloc, timeout=_TIMEOUT_S)
        return self._connection

    def _wait(self, failures: int, named: float | None, why: str) -> None:
        if named is not None and named > _LONGEST_PAUSE_S:
            raise ServerGone(f"It asks for a pause of {named:,.0f} s: try again then.")
        pause = wait_before(failures, random.random(), _POLICY, named)
        if pause > 1:
            self.tell(f"{why}; it is asked again in {pause:.0f} s")
        time.sleep(pause)

    def _heeded(self, said: Said) -> Said:
        if said.status in (401, 403):
            raise ServerGone(
                f"{said.status}: {said.message} A key is given as EVALD_API_KEY in the environment."
            )
        if 300 <= said.status < 400 or said.value is None:
            raise ServerGone(f"What answers there is no evald ({said.status}).")
        return said

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _small(answer: HTTPResponse) -> Iterable[tuple[str, str]]:
    return ((name.lower(), value) for name, value in answer.getheaders())


def _may_get_better(status: int) -> bool:
    return is_retried(status) and status != 409  # an id that is taken stays so


def lines_body(lines: list[bytes]) -> Body:
    """Give JSON Lines as they are sent."""
    content = b"\n".join(lines)
    return Body("application/jsonl", len(content), lambda: (content,))
