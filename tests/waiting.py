"""The one place where tests look again and again for something to come true."""

import time
from collections.abc import Callable
from typing import TypeVar

PAUSE_S = 0.02

Found = TypeVar("Found")


def until(condition: Callable[[], Found | None], within: float = 30) -> Found:
    """Give the first true value of `condition`. Raises TimeoutError after `within` seconds."""
    deadline = time.monotonic() + within
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not true within {within} s; the last value was {found!r}")
        time.sleep(PAUSE_S)
    return found
