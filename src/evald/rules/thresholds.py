"""From which score on an item passes."""

from collections.abc import Mapping, Sequence
from typing import Final

from evald.contract.json_types import JsonValue

DEFAULT_THRESHOLD: Final = 0.5
"""The score from which on a row passes when no threshold is given, for a multi and a python grader.

For a score_model it is where the threshold lies in the range, as a share of it (contract section 9,
15). Without a range it is the threshold itself: the range that the API documents is then 0 to 1.
"""


def default_threshold(limits: Sequence[float] | None) -> float:
    """Give the threshold of a score_model where none is given: the middle of the range."""
    if limits is None:
        return DEFAULT_THRESHOLD
    lowest, highest = limits
    # In this order, as the width of a range may be beyond a float.
    return lowest * (1 - DEFAULT_THRESHOLD) + highest * DEFAULT_THRESHOLD


def threshold_of(grader: Mapping[str, JsonValue]) -> float | None:
    """Give the score from which on an item passes a criterion, also where it goes without saying.

    None where there is no such score.
    """
    given = _number(grader.get("pass_threshold"))
    if given is not None:
        return given
    match grader:
        case {"type": "multi" | "python"}:
            return DEFAULT_THRESHOLD
        case {"type": "score_model", "range": [lowest, highest]}:
            low, high = _number(lowest), _number(highest)
            return (
                DEFAULT_THRESHOLD if low is None or high is None else default_threshold((low, high))
            )
        case {"type": "score_model"}:
            return DEFAULT_THRESHOLD
    return None


def _number(value: JsonValue) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
