"""The floor: the least that has to be done for such a run, without a server around it.

One process, uvloop, aiohttp: make the same streamed calls, join the text, grade it by exact match,
write one JSON line an item. Nothing is validated, retried, limited or safe against a crash.
``python -m benchmarks.floor --url URL --rows 5000 --in-flight 64 --out FILE`` prints a measurement.
"""

import argparse
import asyncio
import os
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

import aiohttp
import orjson
import uvloop

from benchmarks.processes import Measurement, peak_mib
from benchmarks.rows import Row, rows

WARM_UP = 64  # calls before the clock starts, so that connections are open
DONE = b"data: [DONE]"


def main() -> None:
    """Do the work and print the measurement as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.floor", description=__doc__)
    parser.add_argument("--url", required=True, help="base URL of the model server, ends in /v1")
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--out", type=Path, required=True, help="file for the JSON lines")
    asked = parser.parse_args()
    with asked.out.open("wb") as out:
        measured = uvloop.run(measure(asked.url, rows(asked.rows), asked.in_flight, out))
    print(orjson.dumps(asdict(measured)).decode())


async def measure(url: str, work: list[Row], in_flight: int, out: BinaryIO) -> Measurement:
    """Carry out all rows once and say what it took."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        await carry_out(session, url, rows(WARM_UP), in_flight, out)
        out.seek(0)
        out.truncate()
        began, cpu_before = time.monotonic(), time.process_time()
        passed = await carry_out(session, url, work, in_flight, out)
        out.flush()
        return Measurement(
            items=len(work),
            passed=passed,
            seconds=time.monotonic() - began,
            cpu_seconds=time.process_time() - cpu_before,
            peak_mib=peak_mib(os.getpid()),
        )


async def carry_out(
    session: aiohttp.ClientSession, url: str, work: list[Row], in_flight: int, out: BinaryIO
) -> int:
    """Sample and grade all rows with so many workers; give how many passed."""
    left = iter(enumerate(work))
    workers = [worker(session, url, left, out) for _ in range(in_flight)]
    return sum(await asyncio.gather(*workers))


async def worker(
    session: aiohttp.ClientSession, url: str, left: Iterator[tuple[int, Row]], out: BinaryIO
) -> int:
    """Take row after row while there are any; give how many passed."""
    passed = 0
    for number, row in left:
        text, usage = await sample(session, url, row.question)
        passed += text == row.answer
        item = {"question": row.question, "answer": row.answer}
        line = {"id": number, "item": item, "text": text, "usage": usage}
        out.write(orjson.dumps({**line, "passed": text == row.answer}) + b"\n")
    return passed


async def sample(session: aiohttp.ClientSession, url: str, prompt: str) -> tuple[str, object]:
    """Make one streamed call; give the text and the usage."""
    body = {
        "model": "scripted",
        "messages": [{"role": "user", "content": prompt}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    headers = {"content-type": "application/json", "authorization": "Bearer none"}
    request = session.post(f"{url}/chat/completions", data=orjson.dumps(body), headers=headers)
    texts: list[str] = []
    usage, rest = None, b""
    async with request as response:
        response.raise_for_status()
        async for data in response.content.iter_any():
            *events, rest = (rest + data).split(b"\n\n")
            for event in events:
                if event == DONE:
                    continue
                chunk = orjson.loads(event.removeprefix(b"data: "))
                usage = chunk.get("usage") or usage
                texts += [choice["delta"].get("content") or "" for choice in chunk["choices"]]
    return "".join(texts), usage


if __name__ == "__main__":
    main()
