"""The one state that all connections share."""

import time
from collections import deque
from dataclasses import dataclass, field

from tests.model_server.gate import Gate
from tests.model_server.http import Request
from tests.model_server.ledger import Ledger
from tests.model_server.script import Script

REQUESTS_KEPT = 1_000


@dataclass(frozen=True, slots=True)
class Seen:
    """A call of a model that came, and when (time.monotonic() seconds)."""

    request: Request
    at: float


@dataclass
class Service:
    """Script, gate, ledger and the last requests of one server process."""

    script: Script = field(default_factory=Script)
    gate: Gate = field(default_factory=Gate)
    ledger: Ledger = field(default_factory=Ledger)
    seen: deque[Seen] = field(default_factory=lambda: deque(maxlen=REQUESTS_KEPT))
    calls: int = 0  # numbers the answers; never reset

    def note(self, request: Request) -> int:
        """Remember a call and give it a number."""
        self.seen.append(Seen(request, time.monotonic()))
        self.calls += 1
        return self.calls

    async def hold(self) -> None:
        """Keep a call until it is released."""
        with self.ledger.holding():
            await self.gate.passed()

    def follow(self, script: Script) -> None:
        """Take over a new script and close the gate."""
        self.script = script
        self.gate.close()

    def reset(self) -> None:
        """Start counting from 0 and forget the requests seen."""
        self.ledger.reset()
        self.seen.clear()
