"""Two outputs side by side: what is marked, and that nothing of them is lost."""

from hypothesis import given
from hypothesis import strategies as st

from evald.dashboard.word_diff import Piece, word_diff


@given(st.text(max_size=80), st.text(max_size=80))
def test_the_pieces_of_a_text_are_the_text(one: str, other: str) -> None:
    left, right = word_diff(one, other)

    assert "".join(piece.text for piece in left) == one
    assert "".join(piece.text for piece in right) == other


def test_the_words_are_marked_that_the_other_text_lacks() -> None:
    left, right = word_diff("billing, I think", "billing, no doubt")

    assert left[0] == Piece("billing, ", False)
    assert [piece.text for piece in right if piece.differs] == ["no", "doubt"]


def test_texts_with_no_word_in_common_are_not_marked_at_all() -> None:
    assert word_diff("a, b", "c, d") == ((Piece("a, b", False),), (Piece("c, d", False),))
