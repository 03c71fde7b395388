"""The stems that METEOR compares: Porter's algorithm with nltk's extensions.

Equal to nltk 3.9.1's `PorterStemmer().stem` for words in lower case, but in linear time: nltk's ends in
a RecursionError for a thousand letters y.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

Rules = Sequence[tuple[str, str]]
"""Endings and what takes their place. Only the first that a word ends in counts."""

IRREGULAR: Final = {
    "skies": "sky", "sky": "sky", "dying": "die", "lying": "lie", "tying": "tie", "news": "news",
    "innings": "inning", "inning": "inning", "outings": "outing", "outing": "outing",
    "cannings": "canning", "canning": "canning", "howe": "howe",
    "proceed": "proceed", "exceed": "exceed", "succeed": "succeed",
}  # fmt: skip
DOUBLE_ENDINGS: Final = (
    ("ational", "ate"), ("tional", "tion"), ("enci", "ence"), ("anci", "ance"), ("izer", "ize"),
    ("bli", "ble"), ("alli", "al"), ("entli", "ent"), ("eli", "e"), ("ousli", "ous"),
    ("ization", "ize"), ("ation", "ate"), ("ator", "ate"), ("alism", "al"), ("iveness", "ive"),
    ("fulness", "ful"), ("ousness", "ous"), ("aliti", "al"), ("iviti", "ive"), ("biliti", "ble"),
    ("fulli", "ful"),
)  # fmt: skip
MIDDLE_ENDINGS: Final = (
    ("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""),
    ("ness", ""),
)  # fmt: skip
LAST_ENDINGS: Final = tuple(
    (ending, "")
    for ending in (
        "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ou", "ism",
        "ate", "iti", "ous", "ive", "ize",
    )
)  # fmt: skip


@lru_cache(maxsize=16_384)
def stem(word: str) -> str:
    """Give the stem of a word in lower case; words of one or two letters are their own."""
    if word in IRREGULAR:
        return IRREGULAR[word]
    if len(word) <= 2:
        return word
    word = _without_past_and_ing(_without_plural(word))
    word = _with_i_for_y(word)
    word = _with_one_ending_for_two(word)
    word = _replaced(word, MIDDLE_ENDINGS, measure=1)
    word = _without_last_ending(word)
    return _with_one_l(_without_e(word))


def _without_plural(word: str) -> str:
    if word.endswith("ies"):
        return word[:-1] if len(word) == 4 else word[:-2]
    if word.endswith("sses"):
        return word[:-2]
    if word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    return word


def _without_past_and_ing(word: str) -> str:
    if word.endswith("ied"):
        return word[:-1] if len(word) == 4 else word[:-2]
    if word.endswith("eed"):
        return word[:-1] if _measure(word[:-3]) else word
    for ending in ("ed", "ing"):
        start = word.removesuffix(ending)
        if start != word and "v" in _shape(start):
            return _mended(start)
    return word


def _mended(start: str) -> str:
    """Give what is left before -ed or -ing the end that the word alone has: hop(p)ing, fil(e)ing."""
    if start.endswith(("at", "bl", "iz")):
        return start + "e"
    if start[-2:-1] == start[-1] and _shape(start)[-1] == "c":
        return start if start[-1] in "lsz" else start[:-1]
    return start + "e" if _measure(start) == 1 and _ends_short(start) else start


def _with_i_for_y(word: str) -> str:
    start = word.removesuffix("y")
    return start + "i" if start != word and len(start) > 1 and _shape(start)[-1] == "c" else word


def _with_one_ending_for_two(word: str) -> str:
    if word.endswith("alli") and _measure(word[:-4]):
        return _with_one_ending_for_two(word[:-2])
    if word.endswith("logi"):
        return word[:-1] if _measure(word[:-3]) else word
    return _replaced(word, DOUBLE_ENDINGS, measure=1)


def _without_last_ending(word: str) -> str:
    if word.endswith("ion"):
        return word[:-3] if _measure(word[:-3]) > 1 and word[-4] in "st" else word
    return _replaced(word, LAST_ENDINGS, measure=2)


def _without_e(word: str) -> str:
    start = word.removesuffix("e")
    measure = _measure(start)
    return start if measure > 1 or (measure == 1 and not _ends_short(start)) else word


def _with_one_l(word: str) -> str:
    return word[:-1] if word.endswith("ll") and _measure(word[:-1]) > 1 else word


def _replaced(word: str, rules: Rules, *, measure: int) -> str:
    """Replace the ending if what stands before it has at least this measure."""
    for ending, replacement in rules:
        if word.endswith(ending):
            start = word[: -len(ending)]
            return start + replacement if _measure(start) >= measure else word
    return word


def _ends_short(word: str) -> bool:
    """Say whether the word ends like `wil` and `hop`, or is like `at`."""
    shape = _shape(word)
    return shape == "vc" or (shape.endswith("cvc") and word[-1] not in "wxy")


def _measure(word: str) -> int:
    """Count the vowels, or rows of them, that a consonant follows."""
    return _shape(word).count("vc")


def _shape(word: str) -> str:
    """Give v for each vowel and c for each other letter; y is a vowel after a consonant."""
    shape = []
    last = "v"
    for letter in word:
        last = "v" if letter in "aeiou" or (letter == "y" and last == "c") else "c"
        shape.append(last)
    return "".join(shape)
