"""Programs of python graders in a process of their own: WITHOUT evald's sandbox.

The process may read, write and send whatever its user may. It is ended after two minutes, and what it
breaks in itself breaks nothing here.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from evald.contract.json_types import JsonObject
from evald.rules import json_text
from evald.sandbox.interface import Executed

MOST_SECONDS: Final = 120
_PROGRAM: Final = Path(__file__).with_name("program.py")


async def run_program(source: str, sample: JsonObject, item: JsonObject) -> Executed:
    """Give what `grade(sample, item)` gave, or why it gave nothing. Raises BadJson."""
    row = json_text.dump_bytes({"source": source, "sample": sample, "item": item})
    return await asyncio.to_thread(_executed, row)


def _executed(row: bytes) -> Executed:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        try:
            ended = subprocess.run(  # noqa: S603  (the program of the one who exported it)
                [sys.executable, "-P", str(_PROGRAM)],
                input=row,
                capture_output=True,
                cwd=scratch,
                timeout=MOST_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Executed(
                None, "python_time_limit", f"The grader ran for more than {MOST_SECONDS} seconds."
            )
    seconds = time.monotonic() - began
    printed = ended.stderr.decode(errors="replace")
    try:
        told = json.loads(ended.stdout)
        score, code, message = told["score"], told["code"], told["message"]
    except (ValueError, KeyError, TypeError):
        died = f"The grader's process ended with status {ended.returncode} before grade returned."
        return Executed(None, "python_died", died, printed, None, seconds)
    return Executed(score, code, message, printed, None, seconds)
