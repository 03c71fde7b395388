"""Two short texts side by side, with the words marked that only one of them has."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

_WORDS: Final = re.compile(r"\w+|\s+|[^\w\s]")
_A_WORD: Final = re.compile(r"\w")
MOST_WORDS: Final = 160
"""Words and gaps of a text that are compared: beyond, it takes time by their square."""


@dataclass(frozen=True)
class Piece:
    """A part of a text; `differs` says that the other text does not have it here."""

    text: str
    differs: bool


def word_diff(one: str, other: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Give two texts in pieces. Texts that are long, equal or have no word in common are left whole."""
    words, others = _WORDS.findall(one), _WORDS.findall(other)
    whole = (_whole(one), _whole(other))
    if one == other or max(len(words), len(others)) > MOST_WORDS:
        return whole
    left: list[Piece] = []
    right: list[Piece] = []
    matcher = SequenceMatcher(None, words, others, autojunk=False)
    for what, start, end, other_start, other_end in matcher.get_opcodes():
        _add(left, "".join(words[start:end]), what != "equal")
        _add(right, "".join(others[other_start:other_end]), what != "equal")
    has_common = any(not piece.differs and _A_WORD.search(piece.text) for piece in left)
    return (tuple(left), tuple(right)) if has_common else whole


def _whole(text: str) -> tuple[Piece, ...]:
    return (Piece(text, False),)


def _add(pieces: list[Piece], text: str, differs: bool) -> None:
    if text:
        pieces.append(Piece(text, differs))
