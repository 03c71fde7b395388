"""The process of one program: a row comes in, what `grade(sample, item)` gave goes out.

It is started by `programs.py` and stands on the standard library alone.
"""

import json
import math
import os
import sys
import types
from typing import Any


def main() -> None:
    """Read a row, run its program, and answer; what the program prints goes to stderr."""
    row = json.loads(sys.stdin.buffer.read())
    answers = os.dup(1)
    os.dup2(2, 1)
    outcome = _outcome(row)
    sys.stdout.flush()
    os.write(answers, json.dumps(outcome).encode())


def _outcome(row: dict[str, Any]) -> dict[str, Any]:
    module = sys.modules["grader"] = types.ModuleType("grader")
    try:
        code = compile(row["source"], "grader.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        return _failed("python_source", f"{type(error).__name__}: {error}")
    try:
        exec(code, module.__dict__)  # noqa: S102  (what all this is for)
        grade = module.__dict__.get("grade")
        if not callable(grade):
            return _failed("python_source", "The source defines no function named grade.")
        result = grade(row["sample"], row["item"])
        score = _number(result)
    except BaseException as error:  # noqa: BLE001  (SystemExit and KeyboardInterrupt, too)
        return _failed("python_exception", f"{type(error).__name__}: {error}")
    if score is None or not math.isfinite(score):
        given = type(result).__name__ if score is None else str(score)
        return _failed("python_result", f"grade returned {given}; it must return a finite number.")
    return {"score": score, "code": None, "message": None}


def _number(result: object) -> float | None:
    numpy = sys.modules.get("numpy")
    kinds: tuple[type, ...] = (int, float)
    if numpy is not None:
        kinds += (numpy.bool_, numpy.integer, numpy.floating)
    try:
        return float(result) if isinstance(result, kinds) else None  # type: ignore[arg-type]
    except OverflowError:
        return math.inf


def _failed(code: str, message: str) -> dict[str, Any]:
    return {"score": None, "code": code, "message": message[:2000]}


if __name__ == "__main__":
    main()
