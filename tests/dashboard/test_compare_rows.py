"""Two outputs side by side: what is marked, and that nothing of them is lost."""

from hypothesis import given
from hypothesis import strategies as st

from evald.dashboard.compare_rows import side_by_side
from evald.rules.text_diff import Stretch

TEXTS = st.text(alphabet="ab ,é\n", max_size=80)


@given(TEXTS, TEXTS)
def test_the_pieces_of_a_text_are_the_text(one: str, other: str) -> None:
    left, right = side_by_side(one, other)

    assert "".join(piece.text for piece in left) == one
    assert "".join(piece.text for piece in right) == other


def test_the_words_are_marked_that_the_other_text_lacks() -> None:
    left, right = side_by_side("billing, I think", "billing, no doubt")

    assert left[0] == Stretch("same", "billing, ")
    assert [piece.text for piece in right if piece.change != "same"] == ["no", "doubt"]


def test_texts_that_are_not_alike_are_not_marked_at_all() -> None:
    assert side_by_side("abc", "xyz") == ((Stretch("same", "abc"),), (Stretch("same", "xyz"),))
