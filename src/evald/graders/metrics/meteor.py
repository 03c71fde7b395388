"""METEOR: words paired by form, stem and synonym, and how scattered the pairs are."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import pairwise
from typing import Final

from evald.graders.metrics.porter import stem
from evald.graders.metrics.wordnet import installed_wordnet
from evald.graders.metrics.words import Words, score_of_words, treebank_words

Synonyms = Callable[[str], frozenset[str]]
Places = dict[str, list[int]]
"""Where each word of the reference is that has no partner yet, in rising order."""

RECALL_WEIGHT: Final = 0.9
MOST_PENALTY: Final = 0.5
"""What is taken away when no two pairs follow one another in both texts."""


def meteor(text: str, reference: str) -> float:
    """Give nltk 3.9.1's `meteor_score` with the WordNet of this machine.

    Raises GraderFailed when there is no WordNet, whatever the texts, for without it some scores would be
    lower and nobody would notice.
    """
    return meteor_by(installed_wordnet().synonyms, text, reference)


def meteor_by(synonyms: Synonyms, text: str, reference: str) -> float:
    """Give METEOR with these synonyms."""
    return score_of_words(_lower_words, partial(_meteor, synonyms), text, reference)


def _lower_words(text: str) -> Words:
    return [word.lower() for word in treebank_words(text)]


def _meteor(synonyms: Synonyms, words: Words, expected: Words) -> float:
    pairs = _pairs(words, expected, synonyms)
    if not pairs:
        return 0.0
    precision, recall = len(pairs) / len(words), len(pairs) / len(expected)
    mean = precision * recall / (RECALL_WEIGHT * precision + (1 - RECALL_WEIGHT) * recall)
    return (1 - MOST_PENALTY * (_chunks(pairs) / len(pairs)) ** 3) * mean


def _pairs(words: Words, expected: Words, synonyms: Synonyms) -> list[tuple[int, int]]:
    """Pair each word with at most one of the reference: the same, else of one stem, else a synonym.

    As in nltk, words are served from the last to the first, each gets the last partner that is free, and
    synonyms are looked up for stems, not for words.
    """
    pairs: dict[int, int] = {}
    _pair_equal(pairs, words, _free(expected, ()))
    stems = [word if place in pairs else stem(word) for place, word in enumerate(words)]
    free = _free(expected, pairs.values(), stem)
    _pair_equal(pairs, stems, free)
    _pair_synonyms(pairs, stems, free, synonyms)
    return sorted(pairs.items())


def _free(expected: Words, taken: Iterable[int], form: Callable[[str], str] = str) -> Places:
    """Give the places of the reference's words that are not taken, by the words' form."""
    free: Places = defaultdict(list)
    without = set(taken)
    for place, word in enumerate(expected):
        if place not in without:
            free[form(word)].append(place)
    return free


def _pair_equal(pairs: dict[int, int], words: Words, free: Places) -> None:
    for place in reversed(range(len(words))):
        if place not in pairs and (places := free.get(words[place])):
            pairs[place] = places.pop()


def _pair_synonyms(pairs: dict[int, int], stems: Words, free: Places, synonyms: Synonyms) -> None:
    for place in reversed(range(len(stems))):
        if place not in pairs:
            partners = [free[word] for word in synonyms(stems[place]) if free.get(word)]
            if partners:
                pairs[place] = max(partners, key=_last).pop()


def _last(places: Sequence[int]) -> int:
    return places[-1]


def _chunks(pairs: Sequence[tuple[int, int]]) -> int:
    """Count the rows of pairs that follow one another in both texts."""
    return 1 + sum(
        (word + 1, expected + 1) != following for (word, expected), following in pairwise(pairs)
    )
