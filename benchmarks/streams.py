"""What does it cost when people watch a run? Server time with 0, 1 and 100 open reports.

A run goes on at a steady pace: 64 calls in flight, each of 400 ms. That many streams of events are
opened on it, as open reports have them, and read for some seconds by a program that does nothing else.

CPU %         of one core, that the server took for all it did: the run, and telling of it
CPU ms/event  what one event to one reader took more than no readers, in ms
items/s       how fast the run went meanwhile
events/s      that one reader got
KB/event      of them

The exit status is 1 if a reader got more than two events a second or none, never because it was slow.
"""

import argparse
import json
import selectors
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any

from benchmarks.evald_server import EvaldServer
from benchmarks.processes import cpu_seconds
from benchmarks.rows import rows
from tests.model_server.client import ModelServer
from tests.model_server.script import Step

CALL = Step(delay_ms=400)
ITEMS_A_SECOND = 200
"""More than a run can do of such calls: so many rows last long enough."""
BEGUN = 64
SETTLE_S = 2.0
MOST_EVENTS_A_SECOND = 2
PIECE = 256 * 1024


@dataclass(frozen=True)
class Watched:
    """What was measured with so many readers."""

    readers: int
    seconds: float
    cpu_seconds: float
    items: int
    events: int
    bytes: int

    @property
    def cpu_share(self) -> float:
        """The share of one core that the server took."""
        return self.cpu_seconds / self.seconds

    @property
    def events_a_second(self) -> float:
        """What one reader got."""
        return self.events / self.readers / self.seconds if self.readers else 0.0

    def cpu_ms_an_event(self, alone: "Watched") -> float:
        """Give what an event took, beside the same without readers."""
        more = (self.cpu_share - alone.cpu_share) * self.seconds
        return more * 1000 / self.events if self.events else 0.0


class Readers:
    """Open streams, and how much came in over them."""

    def __init__(self, stack: ExitStack, port: int, path: str, number: int) -> None:
        """Open so many."""
        self.events = self.bytes = 0
        self._selector = stack.enter_context(selectors.DefaultSelector())
        request = f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n".encode()
        for _ in range(number):
            reader = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            reader.sendall(request)
            self._selector.register(reader, selectors.EVENT_READ)

    def read(self, seconds: float) -> None:
        """Read what comes for so long, and count it."""
        end = monotonic() + seconds
        while (left := end - monotonic()) > 0:
            for key, _ in self._selector.select(left):
                assert isinstance(key.fileobj, socket.socket)
                piece = key.fileobj.recv(PIECE)
                if not piece:
                    raise RuntimeError("a stream ended before the run did")
                self.bytes += len(piece)
                self.events += piece.count(b"event: parts")


def main() -> None:
    """Measure with each number of readers, and print the figures."""
    asked = arguments()
    with ModelServer() as models, EvaldServer(models.url) as evald:
        models.script(CALL)
        found = measured(models, evald, asked.readers, asked.seconds)
    print(json.dumps(summary(found), indent=2) if asked.json else text(found))
    sys.exit(0 if all(is_right(one) for one in found) else 1)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.streams",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--readers", type=int, nargs="+", default=[0, 1, 100], help="(default 0 1 100)"
    )
    parser.add_argument("--seconds", type=float, default=10, help="to read each (default 10)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args()


def measured(
    models: ModelServer, evald: EvaldServer, readers: Sequence[int], seconds: float
) -> list[Watched]:
    """Measure a run of its own with each number of readers."""
    file_id = evald.upload(rows(int(ITEMS_A_SECOND * (seconds + 4 * SETTLE_S))))
    eval_id = evald.create_eval()
    found = []
    for number in readers:
        with running(models, evald, evald.create_run(eval_id, file_id)) as run:
            found.append(watched(evald, run, number, seconds))
    return found


@contextmanager
def running(models: ModelServer, evald: EvaldServer, run: Any) -> Iterator[Any]:
    """Have the run in full swing inside, and canceled afterwards."""
    models.wait(timeout=30, finished=BEGUN)
    yield run
    evald.ask("POST", f"{path_of(run)}/cancel")
    models.wait(timeout=30, in_flight=0)
    models.reset_stats()


def watched(evald: EvaldServer, run: Any, number: int, seconds: float) -> Watched:
    """Measure what so many readers cost."""
    port = evald.connection.port
    with ExitStack() as stack:
        path = f"/evaluations/{run['eval_id']}/runs/{run['id']}/live"
        readers = Readers(stack, port, path, number)
        readers.read(SETTLE_S)
        readers.events = readers.bytes = 0
        before = done(evald, run)
        began, cpu = monotonic(), cpu_seconds(evald.process.pid)
        readers.read(seconds)
        took, used = monotonic() - began, cpu_seconds(evald.process.pid) - cpu
        return Watched(number, took, used, done(evald, run) - before, readers.events, readers.bytes)


def done(evald: EvaldServer, run: Any) -> int:
    """Give how many items a run has."""
    total: int = evald.ask("GET", path_of(run))["result_counts"]["total"]
    return total


def path_of(run: Any) -> str:
    """Give the path of a run."""
    return f"/v1/evals/{run['eval_id']}/runs/{run['id']}"


def is_right(one: Watched) -> bool:
    """Say whether each reader heard of the run, and not too often."""
    if not one.readers:
        return True
    most = MOST_EVENTS_A_SECOND + 1 / one.seconds  # one may fall on the border
    return 0 < one.events_a_second <= most


def text(found: Sequence[Watched]) -> str:
    """Give the figures as a table."""
    lines = ["readers   CPU %  CPU ms/event  items/s  events/s  KB/event"]
    for one in found:
        size = one.bytes / one.events / 1024 if one.events else 0.0
        lines.append(
            f"{one.readers:7} {one.cpu_share:7.1%} {one.cpu_ms_an_event(found[0]):13.2f} "
            f"{one.items / one.seconds:8.0f} {one.events_a_second:9.2f} {size:9.1f}"
        )
    lines += ["", *(f"{one.readers} readers beside {found[0].readers}: "
                    f"{one.cpu_share / found[0].cpu_share:.2f} times the server's time"
                    for one in found[1:])]  # fmt: skip
    return "\n".join(lines)


def summary(found: Sequence[Watched]) -> list[dict[str, object]]:
    """Give everything measured, for JSON."""
    return [
        asdict(one) | {"cpu_share": one.cpu_share, "cpu_ms_an_event": one.cpu_ms_an_event(found[0])}
        for one in found
    ]


if __name__ == "__main__":
    main()
