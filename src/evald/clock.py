"""The time of day, as one function that tests can replace."""

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Gives the Unix time in seconds, with fractions."""


def system_clock() -> float:
    """Give the machine's Unix time in seconds."""
    return time.time()
