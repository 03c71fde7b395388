"""How alike two texts are, from 0 to 1.

The process that makes the long comparisons imports this: with little else, so that it begins quickly.
"""

from rapidfuzz import fuzz, utils


def fuzzy_match(text: str, reference: str) -> float:
    """Give rapidfuzz's WRatio as a share of 1, ignoring case and punctuation (contract section 9, 19).

    Two identical texts are fully alike, empty ones too, where WRatio alone says 0.
    """
    if text == reference:
        return 1.0
    return fuzz.WRatio(text, reference, processor=utils.default_process) / 100
