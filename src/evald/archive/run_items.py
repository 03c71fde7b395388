"""The output items of one run, read into its folder, around what cannot be had."""

from collections.abc import Mapping
from contextlib import aclosing
from itertools import takewhile
from pathlib import Path
from typing import Any

from evald.archive.folder import Lines, count_lines, join_around_gap, remove, size_of
from evald.archive.listing import Listing, Unreadable
from evald.archive.record import Tally

ITEMS = "output_items.jsonl"


async def read_items(
    items: Listing, folder: Path, tally: Tally, *, goes_on: bool
) -> Unreadable | None:
    """Read a run's items into its folder. Give what cannot be had, or None.

    A list of which an earlier read got a part is read from there on if it `goes_on`.
    """
    name = f"{ITEMS}.part" if goes_on else f"{ITEMS}.now.part"
    head = Lines(folder / name, goes_on=goes_on)
    resumed = head.count
    try:
        async with aclosing(items.pages("asc", head.last_id)) as pages:
            async for page in pages:
                head.add(page)
                tally.output_items += len(page)
        if not goes_on or size_of(folder / ITEMS) <= size_of(head.path):
            head.finish(folder / ITEMS)
        remove([folder / f"{ITEMS}.part"])
        return None
    except Unreadable as gap:
        # The last item that was read may be unknown to the API by now.
        begins_anew = gap.is_refused and 0 < resumed == head.count
        if not begins_anew:
            return await _around(gap, items, head, folder, tally)
    finally:
        head.close()
    return await read_items(items, folder, tally, goes_on=False)


async def _around(
    gap: Unreadable, items: Listing, head: Lines, folder: Path, tally: Tally
) -> Unreadable | None:
    """Read the list from its other end up to the gap. Give what cannot be had, or None."""
    tail = Lines(folder / f"{ITEMS}.tail.part", goes_on=False)
    is_closed = False
    try:
        if not gap.is_refused:
            is_closed = await _tail(items, head, tail, tally)
    finally:
        tail.close()
    longest = head.path
    if not tail.count:  # an earlier pull may have come further
        longest = max(head.path, folder / f"{ITEMS}.part", key=size_of)
    join_around_gap(longest, tail.path, folder / ITEMS)
    remove([tail.path])
    if is_closed or head.path.name.endswith(".now.part"):
        remove([head.path])
    return None if is_closed else gap


async def _tail(items: Listing, head: Lines, tail: Lines, tally: Tally) -> bool:
    try:
        async with aclosing(items.pages("desc", None)) as pages:
            async for page in pages:
                beyond = list(takewhile(lambda each: not head.ends_with(each), page))
                if beyond:
                    tail.add(beyond)
                    tally.output_items += len(beyond)
                if len(beyond) < len(page):
                    break
    except Unreadable:
        return False
    return True


def shortfall(run: Mapping[str, Any], folder: Path) -> Unreadable | None:
    """Give what is missing of a completed run whose list ended before all that it counts."""
    counts = run.get("result_counts")
    told = counts.get("total") if isinstance(counts, dict) else None
    if run.get("status") != "completed" or not isinstance(told, str) or not told.isdecimal():
        return None
    total, found = int(told[:18]), count_lines(folder / ITEMS)
    if found >= total:
        return None
    reason = f"the list ended after {found:,} of the {total:,} items that the run counts"
    return Unreadable(reason, after=None, is_refused=False)
