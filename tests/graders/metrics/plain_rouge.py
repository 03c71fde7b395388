"""ROUGE as its definition says, with no thought of speed: what ours is compared with on random texts.

rouge-score itself is not among the tests' packages, since it has no wheel. What it gave for the table is
in `rouge_scores.py`.
"""

from collections import Counter
from collections.abc import Sequence
from string import ascii_lowercase, digits

ROUGE = {**{f"rouge_{order}": order for order in range(1, 6)}, "rouge_l": 0}
"""The order of each metric's n-grams, 0 for the longest common subsequence."""


def plain_words(text: str) -> list[str]:
    kept = ascii_lowercase + digits
    return "".join(letter if letter in kept else " " for letter in text.lower()).split()


def plain_rouge(metric: str, text: str, reference: str) -> float:
    words, expected = plain_words(text), plain_words(reference)
    order = ROUGE[metric]
    if order == 0:
        return plain_f_measure(longest_common(words, expected), len(words), len(expected))
    ngrams, expected_ngrams = plain_ngrams(words, order), plain_ngrams(expected, order)
    shared = (ngrams & expected_ngrams).total()
    return plain_f_measure(shared, ngrams.total(), expected_ngrams.total())


def plain_ngrams(words: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    starts = range(len(words) - order + 1)
    return Counter(tuple(words[start : start + order]) for start in starts)


def longest_common(words: Sequence[str], expected: Sequence[str]) -> int:
    above = [0] * (len(expected) + 1)
    for word in words:
        row = [0]
        for place, other in enumerate(expected):
            row.append(above[place] + 1 if word == other else max(row[-1], above[place + 1]))
        above = row
    return above[-1]


def plain_f_measure(shared: int, words: int, expected: int) -> float:
    precision, recall = shared / max(words, 1), shared / max(expected, 1)
    return 2 * precision * recall / (precision + recall) if shared else 0.0
