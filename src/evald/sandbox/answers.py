"""What a sandbox answers, as the server reads it: bytes that a user's code may have made.

Lengths are checked before anything is read, and every value before it is used.
"""

import math
import signal
from asyncio import StreamReader
from dataclasses import dataclass
from typing import Final, cast

import orjson

from evald.contract.json_types import JsonValue
from evald.sandbox.backend import Limits
from evald.sandbox.interface import Executed, PythonError
from evald.sandbox.zygote import ANSWER, ENDED, OUTCOME_LIMIT, OUTPUT_LIMIT, READY, TIMED_OUT

_FROM_INSIDE: Final = frozenset(
    {
        "python_source",
        "python_exception",
        "python_result",
        "python_memory_limit",
        "python_scratch_limit",
    }
)
"""The errors that the process of a row finds itself."""


class BadAnswer(Exception):
    """The bytes are no answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What stands for one row, or for the begin."""

    kind: bytes
    is_last: bool
    exit_code: int
    """Below zero: the signal that ended the row's process."""
    seconds: float
    outcome: bytes
    printed: int
    """Bytes, of which `output` has the first."""
    output: bytes


async def read_answer(stream: StreamReader) -> Answer:
    """Read the next answer. Raises BadAnswer, and IncompleteReadError at the end."""
    head = await stream.readexactly(ANSWER.size)
    kind, is_last, exit_code, seconds, length, printed = ANSWER.unpack(head)
    if (
        kind not in (READY, ENDED, TIMED_OUT)
        or length > OUTCOME_LIMIT
        or not math.isfinite(seconds)
    ):
        raise BadAnswer
    kept = min(printed, OUTPUT_LIMIT)
    text = await stream.readexactly(length + kept) if length + kept else b""
    return Answer(kind, is_last, exit_code, seconds, text[:length], printed, text[length:])


def executed(answer: Answer, limits: Limits) -> Executed:
    """Give what the answer says of its row, which had these limits."""
    output = _text(answer)
    if answer.kind == TIMED_OUT:
        return Executed(None, "python_time_limit", _too_long(limits), output, None, answer.seconds)
    if answer.outcome and answer.exit_code == 0:
        found = _found(answer.outcome)
        if found is not None:
            score, code, message, shown = found
            message = _with_limit(code, message, limits)
            return Executed(score, code, message, output, shown, answer.seconds)
    return Executed(None, "python_died", _end(answer), output, None, answer.seconds)


def _too_long(limits: Limits) -> str:
    return (
        f"The grader ran for more than {limits.seconds:g} seconds, or took the time of {limits.cores} "
        "cores in them, and was ended."
    )


def _with_limit(code: PythonError | None, message: str | None, limits: Limits) -> str | None:
    """Name the limit that was met."""
    match code:
        case "python_memory_limit":
            return f"The grader may take {_size(limits.memory)} of memory. {message}"
        case "python_scratch_limit":
            return (
                f"The grader may write {_size(limits.scratch)}, in {limits.scratch_files:,} files at "
                f"most. {message}"
            )
    return message


def _size(number: int) -> str:
    return f"{number >> 30} GB" if number >= 1 << 30 else f"{number >> 20} MB"


def _text(answer: Answer) -> str:
    text = answer.output.decode(errors="replace")
    if answer.printed > len(answer.output):
        return f"{text}\n[{answer.printed:,} bytes were printed; the first are kept]"
    return text


_Found = tuple[float | None, PythonError | None, str | None, str | None]


def _found(outcome: bytes) -> _Found | None:
    """Give score, error, message and traceback of a row that says so itself; None if it does not."""
    try:
        said: JsonValue = orjson.loads(outcome)
    except orjson.JSONDecodeError:
        return None
    match said:
        case {"score": float(score)} if math.isfinite(score):
            return score, None, None, None
        case {
            "code": str(code),
            "message": str(message),
            "traceback": str(shown) | (None as shown),
        }:
            if code in _FROM_INSIDE:
                return None, cast("PythonError", code), message, shown
    return None


def _end(answer: Answer) -> str:
    if answer.exit_code == -signal.SIGKILL:
        return "The grader's process was killed. The machine may be short of memory."
    if answer.exit_code < 0:
        return (
            f"The grader's process was ended by {_signal(-answer.exit_code)} before grade returned."
        )
    return f"The grader's process ended with status {answer.exit_code} before grade returned."


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
