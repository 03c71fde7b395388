"""How the demo ends before its time: by a signal, or by a failure that it can explain."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a kill, a terminal that was closed: all are taken alike."""


class DemoFailed(Exception):
    """The demo cannot go on. The message says why, in words for the person who started it."""


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let no further signal cut short what is done in the block."""
    before = [signal.signal(number, signal.SIG_IGN) for number in ENDINGS]
    yield
    for number, handler in zip(ENDINGS, before, strict=True):
        signal.signal(number, handler)
