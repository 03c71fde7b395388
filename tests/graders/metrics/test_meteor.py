"""METEOR: which words are paired."""

import pytest

from evald.graders.metrics.meteor import meteor_by
from evald.graders.metrics.wordnet import WordNet


@pytest.mark.parametrize(
    ("text", "reference", "score"),
    [
        ("cars", "car", 0.5),  # one stem
        ("auto", "car", 0.5),  # synonyms
        ("Auto", "CAR", 0.5),  # without regard to case
        ("goat", "car", 0.0),
        ("movie", "film", 0.0),  # nltk looks up the stem `movi`, which is no word
        ("film", "movie", 0.0),  # and compares with it
        ("fast auto", "quick car", 0.9375),  # two pairs in one row
        ("auto fast", "quick car", 0.5),  # in two rows
    ],
)
def test_words_are_paired_by_form_stem_and_synonym(
    small_wordnet: WordNet, text: str, reference: str, score: float
) -> None:
    assert meteor_by(small_wordnet.synonyms, text, reference) == pytest.approx(score)


def test_recall_weighs_nine_times_as_much_as_precision(small_wordnet: WordNet) -> None:
    longer = meteor_by(small_wordnet.synonyms, "a b c d", "a b")
    shorter = meteor_by(small_wordnet.synonyms, "a b", "a b c d")

    assert (longer, shorter) == pytest.approx((0.9375 * 10 / 11, 0.9375 * 10 / 19))
