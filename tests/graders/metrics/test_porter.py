"""Stems: nltk's, and in bounded time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk.stem.porter import PorterStemmer

from evald.graders.metrics.porter import (
    DOUBLE_ENDINGS,
    IRREGULAR,
    LAST_ENDINGS,
    MIDDLE_ENDINGS,
    stem,
)

library = PorterStemmer()
ENDINGS = [ending for ending, _ in (*DOUBLE_ENDINGS, *MIDDLE_ENDINGS, *LAST_ENDINGS)]
MORE_ENDINGS = [
    *("s", "es", "ies", "sses", "ss", "ed", "ied", "eed", "ing", "y", "logi", "ion", "tion"),
    *("sion", "e", "ll", "at", "bl", "iz", "tt"),
]
WORDS = st.builds(
    lambda start, endings: start + "".join(endings),
    st.text("aeiouybcdlstwxzé中'", max_size=5),
    st.lists(st.sampled_from(ENDINGS + MORE_ENDINGS), max_size=3),
)


@pytest.mark.parametrize(
    "word", [*IRREGULAR, *ENDINGS, *MORE_ENDINGS, "", "a", "is", "ties", "died"]
)
def test_a_stem_is_nltks(word: str) -> None:
    assert stem(word) == library.stem(word)


@given(WORDS)
def test_the_stem_of_any_word_is_nltks(word: str) -> None:
    assert stem(word) == library.stem(word)


def test_a_word_of_many_letters_y_has_a_stem_where_nltk_has_none() -> None:
    word = "y" * 20_000 + "ing"

    with pytest.raises(RecursionError):
        library.stem(word)

    assert stem(word) == "y" * 19_999 + "i"
