"""How fast are python graders? Rows through one sandbox beside one sandbox for every row.

Both run the same source in the same isolation, in turns, several rounds in one process. One sandbox
takes all rows: a process that has loaded what the source imports, forked for each row. The other way
starts a sandbox, sends it one row, and ends it.

rows/s     as the server sees it, with up to 64 rows asked for at once and never two run at once
ratio      the first way by the second, the median of the rounds' ratios
peak MiB   what the zygote holds, the libraries it shares included

What the sources import is left out where it is not installed.
``python -m benchmarks.python_grader [--rows 2000] [--rounds 3]``
"""

import argparse
import asyncio
import importlib.util
import time
from collections.abc import Awaitable, Callable
from statistics import median

import psutil
import uvloop

from benchmarks.processes import peak_mib
from evald.contract.json_types import JsonObject
from evald.sandbox.backend import Backend, Limits
from evald.sandbox.bubblewrap import bubblewrap
from evald.sandbox.pool import SandboxPool
from evald.sandbox.visible import visible

IN_FLIGHT = 64
AIM_ROWS_PER_SECOND = 500
AIM_RATIO = 10
TRIVIAL = "trivial"
SOURCES = {
    TRIVIAL: "def grade(sample, item):\n    return sample['output_text'] == item['answer']\n",
    "json, re": (
        "import json, re\n"
        "def grade(sample, item):\n"
        "    found = json.loads(re.search(r'{.*}', sample['output_text'])[0])\n"
        "    return 1.0 if found['answer'] == item['answer'] else 0.0\n"
    ),
    "rapidfuzz": (
        "from rapidfuzz import fuzz\n"
        "def grade(sample, item):\n"
        "    return fuzz.ratio(sample['output_text'], item['answer']) / 100\n"
    ),
    "numpy": (
        "import numpy as np\n"
        "def grade(sample, item):\n"
        "    return float(np.mean([len(sample['output_text']), len(item['answer'])]) > 0)\n"
    ),
}
PACKAGES = ("rapidfuzz", "numpy")
GIVEN: JsonObject = {
    "sample": {"output_text": 'I say: {"answer": "Paris"}', "choices": []},
    "item": {"question": "What is the capital of France?", "answer": "Paris"},
}

Way = Callable[[Backend, str, int], Awaitable[float]]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.python_grader", description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    uvloop.run(compare(asked.rows, asked.rounds))


async def compare(rows: int, rounds: int) -> None:
    backend = bubblewrap(visible(), (), Limits())
    print(f"{rows:,} rows, rounds: {rounds}, by {backend.name}")
    print(f"{'':12}{'one sandbox':>14}{'one per row':>14}{'ratio':>9}{'peak MiB':>10}  (rows/s)")
    for name, source in SOURCES.items():
        if name in PACKAGES and importlib.util.find_spec(name) is None:
            print(f"{name:12}is not installed")
            continue
        turns = [
            (
                await rows_per_second(through_one, backend, source, rows),
                await rows_per_second(one_for_each, backend, source, max(10, rows // 50)),
            )
            for _ in range(rounds)
        ]
        one, each = (median(side) for side in zip(*turns, strict=True))
        ratio = median(mine / other for mine, other in turns)
        peak = await zygote_mib(backend, source)
        print(f"{name:12}{one:14,.0f}{each:14,.0f}{ratio:9.1f}{peak:10,.0f}", flush=True)
        if name == TRIVIAL:
            print(aim("rows/s", one, AIM_ROWS_PER_SECOND) + "; " + aim("ratio", ratio, AIM_RATIO))


async def rows_per_second(way: Way, backend: Backend, source: str, rows: int) -> float:
    return rows / await way(backend, source, rows)


async def through_one(backend: Backend, source: str, rows: int) -> float:
    """Give the seconds of all rows through one sandbox, its start included."""
    began = time.perf_counter()
    pool = SandboxPool(backend, spare_places=0)
    places = asyncio.Semaphore(IN_FLIGHT)

    async def one_row() -> None:
        async with places:
            await graded(pool, source)

    await asyncio.gather(*(one_row() for _ in range(rows)))
    await pool.close()
    return time.perf_counter() - began


async def one_for_each(backend: Backend, source: str, rows: int) -> float:
    """Give the seconds of all rows, each with a sandbox of its own from begin to end."""
    began = time.perf_counter()
    for _ in range(rows):
        pool = SandboxPool(backend, spare_places=0)
        await graded(pool, source)
        await pool.close()
    return time.perf_counter() - began


async def graded(pool: SandboxPool, source: str) -> None:
    result = await pool.run("benchmark", source, GIVEN)
    assert result.score is not None, result


async def zygote_mib(backend: Backend, source: str) -> float:
    """Give the most memory that the zygote of a source had resident."""
    pool = SandboxPool(backend, spare_places=0)
    await graded(pool, source)
    pids = [each.pid for each in psutil.Process().children(recursive=True)]
    peak = max(peak_mib(pid) for pid in pids)
    await pool.close()
    return peak


def aim(name: str, reached: float, wanted: float) -> str:
    answer = "yes" if reached >= wanted else "no"
    return f"aim: at least {wanted:,} {name}: {answer} ({reached:,.0f})"


if __name__ == "__main__":
    main()
