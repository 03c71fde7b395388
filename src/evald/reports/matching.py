"""Which row of one run is which row of another: those with the same content."""

from array import array
from dataclasses import dataclass
from typing import Final

from evald.reports.judged_rows import JudgedRows

_NONE: Final = -1


@dataclass(frozen=True)
class Matched:
    """The places, in both runs, of rows that are the same, and those of rows that only one has."""

    in_baseline: "array[int]"
    in_run: "array[int]"
    """As long as `in_baseline`: the places that belong together."""
    only_in_baseline: "array[int]"
    only_in_run: "array[int]"


def match(baseline: JudgedRows, run: JudgedRows) -> Matched:
    """Match the rows of two runs by their content, whatever their numbers are.

    Rows of the same content are matched in their order, so that what one run has more often is left over
    in it.
    """
    if baseline.contents == run.contents:  # the same data in the same order
        same = array("q", range(len(baseline)))
        return Matched(same, same, array("q"), array("q"))
    return _matched_one_by_one(baseline, run)


def _matched_one_by_one(baseline: JudgedRows, run: JudgedRows) -> Matched:
    first, next_same = _by_content(run.contents)
    matched = Matched(array("q"), array("q"), array("q"), array("q"))
    is_taken = bytearray(len(run))
    for place, content in enumerate(baseline.contents):
        partner = first.get(content, _NONE)
        if partner == _NONE:
            matched.only_in_baseline.append(place)
            continue
        matched.in_baseline.append(place)
        matched.in_run.append(partner)
        is_taken[partner] = 1
        first[content] = next_same[partner]
    matched.only_in_run.extend(place for place, taken in enumerate(is_taken) if not taken)
    return matched


def _by_content(contents: "array[int]") -> tuple[dict[int, int], "array[int]"]:
    """Give the first place of each content, and for each place the next one of the same content."""
    first: dict[int, int] = {}
    next_same = array("q", bytes(8 * len(contents)))
    for place in range(len(contents) - 1, -1, -1):
        next_same[place] = first.get(contents[place], _NONE)
        first[contents[place]] = place
    return first, next_same
