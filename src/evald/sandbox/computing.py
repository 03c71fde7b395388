"""The process beside the server: it reads what to compute and writes what that gave.

It runs evald's own functions only. Answers are pickles that the server opens, and what a user wrote
could answer with one that does more than hold a value.
"""

import ctypes
import os
import pickle
import signal
import struct
import traceback
from typing import BinaryIO, Final

LENGTH: Final = struct.Struct(">Q")
"""Stands before every message, in both directions: the bytes that follow, which are a pickle."""

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Compute one thing after the other, until the server is gone."""
    _end_with_the_server()
    questions, answers = _own_pipes()
    while (asked := _next(questions)) is not None:
        answer = answer_to(asked)
        answers.write(LENGTH.pack(len(answer)))
        answers.write(answer)
        answers.flush()


def _end_with_the_server() -> None:
    """Have Linux kill this process with the server, also while it computes; others read to the end."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Keep the two pipes for the messages; what a function prints goes to the server's log."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return questions, answers


def _next(questions: BinaryIO) -> bytes | None:
    """Give the next message, or None when the server is gone, also amid a message."""
    head = questions.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    asked = questions.read(length)
    return asked if len(asked) == length else None


def answer_to(asked: bytes) -> bytes:
    """Call a pickled function with its arguments and give the pickle of (result, error)."""
    try:
        function, arguments = pickle.loads(asked)  # noqa: S301  (the server wrote it)
        return pickle.dumps((function(*arguments), None))
    except Exception as error:  # noqa: BLE001  (the border of the process: the server raises it)
        return _failure(error)


def _failure(error: Exception) -> bytes:
    error.add_note(f"In the process aside:\n{traceback.format_exc()}")
    try:
        answer = pickle.dumps((None, error))
        pickle.loads(answer)  # noqa: S301  (some can be written and not read)
    except Exception:  # noqa: BLE001
        name = type(error).__name__
        return pickle.dumps((None, RuntimeError(f"An error that cannot be passed on: {name}")))
    return answer


if __name__ == "__main__":
    main()
