"""Texts as the words by which they are found, the same for what is kept and for what is asked.

A word is a run of letters and digits, in folded letters and without accents. Chinese and Japanese are
written without blanks: there each pair of neighbouring characters is a word.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

LONGEST_WORD: Final = 40
"""Characters of a word that count."""
MOST_TERMS: Final = 16
"""Words of a search that count."""
SHORTEST_BEGINNING: Final = 2
"""Letters that the beginning of a word has at least; one alone would find nearly everything."""

_PAIRED: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_WORD = re.compile(r"[^\W_]+")
_WORD_OR_PAIRED = re.compile(rf"[{_PAIRED}]+|[^\W_{_PAIRED}]+")
_IS_PAIRED = re.compile(rf"[{_PAIRED}]")
_ACCENTS = re.compile("[\u0300-\u036f]")


@dataclass(frozen=True, slots=True)
class Term:
    """A word that is looked for."""

    word: str
    is_beginning: bool = False
    """Whether a word that begins with it will do."""


def words_of(texts: Iterable[str], longest: int) -> list[str]:
    """Give the words of some texts, each once, in their order.

    Of all texts together about `longest` characters are read: of each the same number, and what short
    ones leave goes to the others.
    """
    found: dict[str, None] = {}
    for text in shared_out(list(texts), longest):
        found.update(dict.fromkeys(_words(text)))
    return list(found)


def shared_out(texts: list[str], longest: int) -> list[str]:
    """Give the beginnings of texts which have at most `longest` characters together."""
    left = longest
    lengths = dict[int, int]()
    by_length = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    for number, place in enumerate(by_length):
        lengths[place] = min(len(texts[place]), left // (len(texts) - number))
        left -= lengths[place]
    return [text[: lengths[place]] for place, text in enumerate(texts)]


def terms_of(searched: str) -> tuple[Term, ...]:
    """Give what a search asks for: its words, the last of which may be a beginning only."""
    words = _pieces(searched[: MOST_TERMS * LONGEST_WORD])[:MOST_TERMS]
    terms = [Term(part) for word in words[:-1] for part in _asked(word)]
    terms += [Term(part, _can_begin(part)) for word in words[-1:] for part in _asked(word)]
    return tuple(dict.fromkeys(terms))


def _can_begin(part: str) -> bool:
    # A character of a pair begins few other words.
    return len(part) >= SHORTEST_BEGINNING or _IS_PAIRED.match(part) is not None


def _words(text: str) -> Iterator[str]:
    for piece in _pieces(text):
        if not piece.isascii() and _IS_PAIRED.match(piece):
            # With the last one alone, so that each character begins a word.
            yield from (piece[place : place + 2] for place in range(len(piece)))
        else:
            yield piece[:LONGEST_WORD]


def _asked(piece: str) -> list[str]:
    if len(piece) > 1 and _IS_PAIRED.match(piece):
        return [piece[place : place + 2] for place in range(len(piece) - 1)]
    return [piece[:LONGEST_WORD]]


def _pieces(text: str) -> list[str]:
    if text.isascii():
        return _WORD.findall(text.lower())
    # One character can be many: the whole is not to be much longer than it was.
    folded = unicodedata.normalize("NFKD", text)[: 3 * len(text)].casefold()
    return _WORD_OR_PAIRED.findall(_ACCENTS.sub("", folded))
