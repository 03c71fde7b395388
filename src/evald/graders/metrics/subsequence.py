"""ROUGE-L: the longest sequence of words that both texts have in the same order."""

from rapidfuzz.distance import LCSseq

from evald.graders.metrics.ngrams import f_measure
from evald.graders.metrics.words import Words, alphanumeric_words, score_of_words


def rouge_l(text: str, reference: str) -> float:
    """Give rouge-score 0.1.2's F-measure of `rougeL`, without stemming."""
    return score_of_words(alphanumeric_words, _rouge_l, text, reference)


def _rouge_l(words: Words, expected: Words) -> float:
    # rapidfuzz takes 64 words at a step: 0.4 ms for two texts of 10,000 characters. The table of all
    # pairs of words that rouge-score fills took 0.6 s and 13 MB.
    return f_measure(LCSseq.similarity(words, expected), len(words), len(expected))
