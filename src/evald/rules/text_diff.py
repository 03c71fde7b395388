"""Where two short texts differ, word by word."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Literal

from rapidfuzz.distance import Indel

LONGEST: Final = 2_000
"""Characters of each text. The work grows with the product of both lengths."""
ALIKE: Final = 0.3
"""The share of words in common below which a comparison word by word tells nobody anything."""
ALIKE_LETTERS: Final = 0.6
"""The share of letters in common from which two words are compared letter by letter."""
MOST_STRETCHES: Final = 300
_WORD: Final = re.compile(r"\w+|\s+|[^\w\s]")
_SHORT: Final = re.compile(r"\S{1,40}")

Change = Literal["same", "removed", "added"]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of one or both texts."""

    change: Change
    text: str


def text_diff(before: str, after: str) -> tuple[Stretch, ...] | None:
    """Give how one text becomes the other, in their order.

    None where they are equal, too long, or so unlike that both are better read one after the other.
    The time is some milliseconds at most, whatever the texts are.
    """
    if before == after or max(len(before), len(after)) > LONGEST:
        return None
    old, new = _WORD.findall(before), _WORD.findall(after)
    if _likeness(_words(old), _words(new)) < ALIKE and _likeness(before, after) < ALIKE_LETTERS:
        return None
    found = tuple(islice(_stretches(old, new), MOST_STRETCHES + 1))
    return found if len(found) <= MOST_STRETCHES else None


def _words(pieces: Sequence[str]) -> Sequence[str]:
    return [piece for piece in pieces if not piece.isspace()]


def _likeness(old: Sequence[str], new: Sequence[str]) -> float:
    return Indel.normalized_similarity(old, new)


def _stretches(old: Sequence[str], new: Sequence[str]) -> Iterator[Stretch]:
    """Give what stays, and of each place that does not, what went and then what came."""
    removed, added = "", ""
    for step in Indel.opcodes(old, new):
        before = "".join(old[step.src_start : step.src_end])
        after = "".join(new[step.dest_start : step.dest_end])
        if step.tag != "equal":
            removed, added = removed + before, added + after
            continue
        yield from _changed(removed, added)
        yield Stretch("same", before)
        removed, added = "", ""
    yield from _changed(removed, added)


def _changed(removed: str, added: str) -> Iterator[Stretch]:
    """Give a place that differs; of one word that is nearly another, its letters."""
    are_short = _SHORT.fullmatch(removed) and _SHORT.fullmatch(added)
    if are_short and len(removed) + len(added) > 2 and _likeness(removed, added) >= ALIKE_LETTERS:
        yield from _stretches(list(removed), list(added))
        return
    if removed:
        yield Stretch("removed", removed)
    if added:
        yield Stretch("added", added)
