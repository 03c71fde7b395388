"""Fuzzy match: how alike two texts are, letter by letter and word by word."""

from rapidfuzz import fuzz, utils


def fuzzy_match(text: str, reference: str) -> float:
    """Give rapidfuzz's WRatio as a share of 1, ignoring case and punctuation (contract section 9, 19).

    Two identical texts are fully alike, empty ones too, where WRatio alone says 0.
    """
    if text == reference:
        return 1.0
    return fuzz.WRatio(text, reference, processor=utils.default_process) / 100
