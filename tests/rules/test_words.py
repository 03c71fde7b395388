"""Words: the same of what is kept and of what is asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.rules.item_tags import MARK
from evald.rules.words import LONGEST_WORD, Term, shared_out, terms_of, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Re: the REFUND, the_refund!", ["re", "the", "refund"]),
        ("Überweisung für Zoë", ["uberweisung", "fur", "zoe"]),
        ("機器学習 ok", ["機器", "器学", "学習", "習", "ok"]),
        ("x" * 100, ["x" * LONGEST_WORD]),
        ("\x00\ud800\u202e\ue000", []),
    ],
)
def test_a_text_has_these_words(text: str, words: list[str]) -> None:
    assert words_of([text], 1000) == words


@pytest.mark.parametrize(
    ("searched", "terms"),
    [
        ("Refund ord", (Term("refund"), Term("ord", is_beginning=True))),
        ("refund o", (Term("refund"), Term("o"))),
        ("学習", (Term("学習", is_beginning=True),)),
        ("習", (Term("習", is_beginning=True),)),
        ('"*" - ^', ()),
    ],
)
def test_a_search_asks_for_these_terms(searched: str, terms: tuple[Term, ...]) -> None:
    assert terms_of(searched) == terms


@given(st.text(max_size=60))
def test_a_text_is_found_by_itself_whatever_is_in_it(text: str) -> None:
    words = words_of([text], 10_000)

    for term in terms_of(text):
        assert term.word in words or (
            term.is_beginning and any(word.startswith(term.word) for word in words)
        )
    assert not any(MARK in word or " " in word or "\x00" in word for word in words)
    "".join(words).encode()


@given(st.lists(st.text(max_size=40), max_size=5), st.integers(0, 100))
def test_texts_have_no_more_than_is_shared_out_and_short_ones_stay_whole(
    texts: list[str], longest: int
) -> None:
    cut = shared_out(texts, longest)

    assert sum(map(len, cut)) == min(longest, sum(map(len, texts)))
    assert all(text.startswith(part) for text, part in zip(texts, cut, strict=True))
