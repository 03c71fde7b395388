"""Words: those of nltk's tokenizer and of rouge-score's, also where they were not made for the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.graders.metrics.words import alphanumeric_words, treebank_words
from tests.graders.metrics.libraries import library_words
from tests.graders.metrics.pairs import PAIRS
from tests.graders.metrics.plain_rouge import plain_words
from tests.graders.metrics.texts import ANY, SENTENCES

TEXTS = [text for pair in PAIRS for text in pair]
# Everything that a rule of the tokenizer speaks of, and what comes near it.
CHARACTERS = "«“‘„`\"'»”’.,:;@#$%&?!*()[]{}<>- \t\n\u00a0\x1c\x85\x00abst1dm_é中ıİſ"
CONTRACTIONS = (
    "cannot",
    "Gimme",
    "d'ye",
    "more'n",
    "wanna",
    " 'tis",
    "'Twas",
    "can",
    "not",
    "gİmme",
)
ENDINGS = ("'ll", "'re", "n't", "N'T", "'s", "'S", "''", "``", "--", "..", "\r\n", "1,000", "12:30")
PIECES = st.sampled_from([*CHARACTERS, *CONTRACTIONS, *ENDINGS])
MARKED = st.lists(PIECES, max_size=16).map("".join)


@pytest.mark.parametrize("text", TEXTS)
def test_treebank_words_are_nltks(text: str) -> None:
    assert treebank_words(text) == library_words(text)


@given(st.one_of(ANY, SENTENCES, MARKED))
def test_treebank_words_of_any_text_are_nltks(text: str) -> None:
    assert treebank_words(text) == library_words(text)


@given(st.one_of(ANY, SENTENCES, MARKED))
def test_alphanumeric_words_are_runs_of_ascii_letters_and_digits(text: str) -> None:
    assert alphanumeric_words(text) == plain_words(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop.", ["Do", "n't", "stop", "."]),
        ("It sat. It slept.", ["It", "sat.", "It", "slept", "."]),
        ("今天天气很好。", ["今天天气很好。"]),
        ("", []),
    ],
)
def test_only_the_last_period_is_a_word_and_chinese_is_not_cut(text: str, words: list[str]) -> None:
    assert treebank_words(text) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Naïve, 3.5", ["na", "ve", "3", "5"]),
        ("今天天气很好。", []),
        ("Kelvin: 3 K", ["kelvin", "3", "k"]),
    ],
)
def test_letters_beyond_ascii_divide_alphanumeric_words(text: str, words: list[str]) -> None:
    assert alphanumeric_words(text) == words
