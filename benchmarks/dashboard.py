"""What do the pages cost at 100, 100,000 and 1,000,000 items, and with 100 open reports?

Each run lies in a database of its own, made up as `benchmarks.items` makes it, with the index that a
server makes. Then `evald serve` answers for it, over HTTP as a browser asks:

first byte    of the report, in ms; its floor is that of `GET /healthz` in the same seconds
page          the part of the items that is swapped in: by row, sorted, filtered and searched, in ms
KiB           that travel for a first visit: the report, its style sheet and its script, compressed
paint         the first contentful paint in Chromium, in ms, nothing cached

The last table is that of `benchmarks.streams`: what the server takes for 0, 1 and 100 readers of a run
that goes on. `--data FOLDER` keeps the databases: a million items take some minutes to make.
"""

import argparse
import asyncio
import gzip
import random
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

from playwright.sync_api import sync_playwright

from benchmarks.evald_server import EvaldServer
from benchmarks.items import Tickets, fill, index
from benchmarks.streams import CALL, measured, text
from evald.store.database import open_database
from evald.store.migrate import migrate
from tests.model_server.client import ModelServer

RUN_ID: Final = "evalrun_benchmark"
REPORT: Final = f"/evaluations/eval_benchmark?run_id={RUN_ID}"
TIMES: Final = 20
FIRST_PAINT: Final = """() => new Promise((found) => new PerformanceObserver((list) => {
  for (const each of list.getEntriesByName("first-contentful-paint")) found(each.startTime);
}).observe({ type: "paint", buffered: true }))"""
PAINTS: Final = 5
PAGES: Final[Mapping[str, str]] = {
    "by row": "",
    "failed": "&status=fail",
    "errored": "&status=error",
    "slowest first": "&sort=-latency",
    "lowest score first": "&sort=score1",
    "failed, slowest first": "&status=fail&sort=-latency",
    "of a criterion": "&c0=failed",
    "search, usual word": "&q={usual}",
    "search, rare word": "&q={rare}",
    "search, in most items": "&q={most}",
    "the same, slowest first": "&q={most}&sort=-latency",
    "usual, slowest first": "&q={usual}&sort=-latency",
    "a field, slowest first": "&f.country=DE&sort=-latency",
}


@dataclass(frozen=True)
class Timed:
    """Some requests of a kind, in ms."""

    median: float
    longest: float

    def __str__(self) -> str:
        """Give both."""
        return f"{self.median:8.1f} {self.longest:8.1f}"


def main() -> None:
    """Measure each size, then the streams, and print the figures."""
    asked = arguments()
    with ModelServer() as models:
        for items in asked.items:
            with run_of(items, asked.data) as folder, EvaldServer(models.url, data=folder) as evald:
                print(f"\n{items:,} items", flush=True)
                measure_report(evald)
                measure_pages(evald, Tickets(RUN_ID).words)
                print(f"  first contentful paint {paint(evald):.0f} ms", flush=True)
        with EvaldServer(models.url) as evald:
            models.script(CALL)
            print("\n" + text(measured(models, evald, (0, 1, 100), asked.seconds)))


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.dashboard",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--items", type=int, nargs="*", default=[100, 100_000, 1_000_000])
    parser.add_argument("--data", type=Path, help="where the databases are kept, or found")
    parser.add_argument("--seconds", type=float, default=10, help="for each number of readers")
    return parser.parse_args()


@contextmanager
def run_of(items: int, kept: Path | None) -> Iterator[Path]:
    """Give a data directory with a run of so many items."""
    if kept is not None:
        folder = kept / str(items)
        if not folder.exists():
            making = kept / f"{items}-making"
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir(parents=True)
            asyncio.run(made(making, items))
            making.rename(folder)
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="evald-benchmark-") as name:
        asyncio.run(made(Path(name), items))
        yield Path(name)


async def made(folder: Path, items: int) -> None:
    """Make the run and its index."""
    database = open_database(f"sqlite+aiosqlite:///{folder / 'evald.db'}")
    try:
        await migrate(database)
        await fill(database, Tickets(RUN_ID), items)
        await index(database, items)
    finally:
        await database.close()


def measure_report(evald: EvaldServer) -> None:
    """Print how soon the report begins, and how much of it travels."""
    connection = HTTPConnection("127.0.0.1", evald.connection.port, timeout=60)
    get(connection, REPORT)
    floors, reports = [], []
    for _ in range(TIMES):
        floors.append(get(connection, "/healthz")[0])
        reports.append(get(connection, REPORT)[0])
    floor, report = timed(floors), timed(reports)
    print("                          median  longest  ms")
    print(f"  floor, GET /healthz   {floor}")
    print(f"  first byte, report    {report}   {report.median / floor.median:.1f} of the floor")
    html = get(connection, REPORT)[1]
    page = gzip.decompress(html).decode()
    names = [part.split('"')[0] for part in page.split("../static/")[1:]]
    files = {name: len(get(connection, f"/static/{name}")[1]) for name in names}
    parts = ", ".join(f"{name.partition('?')[0]} {size / 1024:.1f}" for name, size in files.items())
    whole = (len(html) + sum(files.values())) / 1024
    print(f"  KiB that travel: {whole:.1f} (report {len(html) / 1024:.1f}, {parts})", flush=True)
    connection.close()


def measure_pages(evald: EvaldServer, words: Sequence[str]) -> None:
    """Print how long the parts take that are swapped in when a reader asks for other items."""
    connection = HTTPConnection("127.0.0.1", evald.connection.port, timeout=60)
    chance = random.Random(1)
    for name, query in PAGES.items():
        asked = [
            REPORT
            + "&fragment=items"
            + query.format(
                usual=words[300 + turn], rare=words[-1 - chance.randrange(500)], most=words[0]
            )
            for turn in range(TIMES)
        ]
        times = timed([get(connection, address)[0] for address in asked])
        print(f"  {name:22}{times}", flush=True)
    connection.close()


def get(connection: HTTPConnection, address: str) -> tuple[float, bytes]:
    """Ask for an address; give the seconds to its first byte, and what came."""
    began = perf_counter()
    connection.request("GET", address, headers={"accept-encoding": "gzip"})
    answer = connection.getresponse()
    took = perf_counter() - began
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{address} answered {answer.status}")
    return took, body


def timed(seconds: Sequence[float]) -> Timed:
    """Give what requests took, in ms."""
    return Timed(median(seconds) * 1000, max(seconds) * 1000)


def paint(evald: EvaldServer) -> float:
    """Give the median of the first contentful paint, in ms, each in a browser that has nothing yet."""
    chromium_path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    found: list[float] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path, args=["--no-sandbox", "--disable-gpu"]
        )
        for _ in range(PAINTS):
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            tab = context.new_page()
            tab.goto(f"http://127.0.0.1:{evald.connection.port}{REPORT}")
            found.append(tab.evaluate(FIRST_PAINT))
            context.close()
        browser.close()
    return median(found)


if __name__ == "__main__":
    main()
