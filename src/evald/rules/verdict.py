"""Whether a row passes: Kleene's AND over its testing criteria (contract section 6.10).

One failed criterion settles the row, whatever else broke; without a failure, one criterion that gave
no verdict leaves the row undecided, and undecided is `error`, never a score.
"""

from collections.abc import Iterable
from typing import Literal

Outcome = Literal["passed", "failed", "errored"]
ItemStatus = Literal["pass", "fail", "error"]

ITEM_STATUSES: tuple[ItemStatus, ...] = ("pass", "fail", "error")


def item_status(outcomes: Iterable[Outcome]) -> ItemStatus:
    """Give the status of an output item. A row without criteria passes."""
    seen = set(outcomes)
    if "failed" in seen:
        return "fail"
    return "error" if "errored" in seen else "pass"


def too_many_errors(errored: int, total: int, max_error_rate: float) -> bool:
    """Say whether so many rows errored that the run as a whole counts as failed."""
    return total > 0 and errored / total > max_error_rate
