"""What stands above each list of attempts when it is sent as the source of a python grader.

The files beside this one are never run by the tests themselves, only read and listed.
"""

import errno
from collections.abc import Callable
from typing import Any

Row = dict[str, Any]
Attempt = Callable[[Row], object]

ATTEMPTS: dict[str, Attempt] = {}


def attempt(function: Attempt) -> Attempt:
    """Enter a function as an attempt: what it gives was got out of the sandbox, an OSError is a wall."""
    ATTEMPTS[function.__name__] = function
    return function


def grade(sample: Row, item: Row) -> float:
    """Give 1 when the attempt of this row got through and 0 when it met a wall, and print which."""
    try:
        got = ATTEMPTS[item["attempt"]](item)
    except OSError as error:
        print("refused:", errno.errorcode.get(error.errno or 0, error))
        return 0.0
    print("got:", repr(got)[:2000])
    return float(bool(got))
