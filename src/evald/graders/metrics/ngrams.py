"""Metrics that count shared n-grams: BLEU, GLEU and ROUGE-1 to ROUGE-5 (contract section 9, 20)."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

from evald.graders.metrics.words import (
    Words,
    alphanumeric_words,
    score_of_words,
    treebank_words,
)

ORDERS: Final = (1, 2, 3, 4)
"""BLEU and GLEU count n-grams of one to four words."""
SMOOTHED_COUNT: Final = 0.1
"""What stands in BLEU's smoothing method 1 for the count of an order with no shared n-gram."""


def bleu(text: str, reference: str) -> float:
    """Give nltk 3.9.1's `sentence_bleu` with smoothing method 1."""
    return score_of_words(treebank_words, _bleu, text, reference)


def gleu(text: str, reference: str) -> float:
    """Give nltk 3.9.1's `sentence_gleu`, which is the same either way round."""
    return score_of_words(treebank_words, _gleu, text, reference)


def rouge_n(order: int, text: str, reference: str) -> float:
    """Give rouge-score 0.1.2's F-measure of n-grams of this order, without stemming."""
    return score_of_words(alphanumeric_words, partial(_rouge_n, order), text, reference)


def f_measure(shared: int, words: int, expected: int) -> float:
    """Give the harmonic mean of precision and recall, 0 where nothing is shared."""
    return 2 * shared / (words + expected) if shared else 0.0


def _bleu(words: Words, expected: Words) -> float:
    shared = _shared_by_order(words, expected)
    if not shared[0]:
        return 0.0
    logarithms = (
        math.log((count or SMOOTHED_COUNT) / max(1, _how_many(words, order)))
        for order, count in zip(ORDERS, shared, strict=True)
    )
    brevity = min(0.0, 1 - len(expected) / len(words))
    return math.exp(brevity + math.fsum(logarithms) / len(ORDERS))


def _gleu(words: Words, expected: Words) -> float:
    longer = max(words, expected, key=len)
    if not longer:
        return 0.0
    return sum(_shared_by_order(words, expected)) / sum(_how_many(longer, n) for n in ORDERS)


def _rouge_n(order: int, words: Words, expected: Words) -> float:
    shared = _shared(words, expected, order)
    return f_measure(shared, _how_many(words, order), _how_many(expected, order))


def _shared_by_order(words: Words, expected: Words) -> list[int]:
    """Count the shared n-grams of each order; where none is shared, no longer one is."""
    shared = [0] * len(ORDERS)
    for place, order in enumerate(ORDERS):
        shared[place] = _shared(words, expected, order)
        if not shared[place]:
            break
    return shared


def _shared(words: Words, expected: Words, order: int) -> int:
    """Count the n-grams in both, each as often as it is in the text that has fewer of it."""
    left = Counter(_ngrams(expected, order))
    shared = 0
    for ngram in _ngrams(words, order):
        count = left.get(ngram, 0)
        if count:
            left[ngram] = count - 1
            shared += 1
    return shared


def _ngrams(words: Sequence[str], order: int) -> Iterable[object]:
    if order == 1:
        return words
    return zip(*(words[start:] for start in range(order)), strict=False)


def _how_many(words: Words, order: int) -> int:
    """Count the n-grams of a text, repeated ones too."""
    return max(0, len(words) - order + 1)
