"""How the demo ends before its time: by a signal, or by a failure that it can explain."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a kill, a terminal that was closed: all are taken alike."""


class DemoFailed(Exception):
    """The demo cannot go on. The message says why, in words for the person who started it."""


_signals: list[int] = []


def take_signals() -> None:
    """From now on take every request to end as a KeyboardInterrupt."""
    for number in ENDINGS:
        signal.signal(number, _interrupt)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    _signals.append(number)
    raise KeyboardInterrupt


def was_asked_to_end() -> bool:
    """Say whether a request to end has come.

    The code that a KeyboardInterrupt meets may turn it into another error, or lose it: pydantic does
    both while it builds a class.
    """
    return bool(_signals)


def pause(seconds: float) -> None:
    """Sleep. Raises KeyboardInterrupt if a request to end has come, now or before."""
    time.sleep(seconds)
    if was_asked_to_end():
        raise KeyboardInterrupt


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let no further signal cut short what is done in the block."""
    before = [signal.signal(number, signal.SIG_IGN) for number in ENDINGS]
    yield
    for number, handler in zip(ENDINGS, before, strict=True):
        signal.signal(number, handler)
