"""Where two texts differ: what is put together again is both of them, and it takes no time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.rules.text_diff import LONGEST, MOST_STRETCHES, Stretch, text_diff


@given(st.text("ab .,", max_size=60), st.text("ab .,", max_size=60))
def test_both_texts_can_be_read_from_a_diff(before: str, after: str) -> None:
    found = text_diff(before, after)

    if found is not None:
        assert "".join(each.text for each in found if each.change != "added") == before
        assert "".join(each.text for each in found if each.change != "removed") == after
        assert all(each.text for each in found)


def test_words_are_compared_and_of_words_that_are_nearly_alike_the_letters() -> None:
    assert text_diff("To billing now.", "To biling now, please.") == (
        Stretch("same", "To "),
        Stretch("same", "bil"),
        Stretch("removed", "l"),
        Stretch("same", "ing"),
        Stretch("same", " now"),
        Stretch("added", ", please"),
        Stretch("same", "."),
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("same", "same"),
        ("technical", "billing, I think"),
        ("a b c d", "w x y z"),
        ("", "anything"),
        ("x" * (LONGEST + 1), "x"),
    ],
)
def test_texts_that_are_equal_or_unlike_or_long_have_no_diff(before: str, after: str) -> None:
    assert text_diff(before, after) is None


@pytest.mark.parametrize("before", ["ab " * 666, "a" * LONGEST, "a " * 1000, "ab" * 1000])
@pytest.mark.parametrize(
    "after", ["ba " * 666, "b" + "a" * (LONGEST - 1), " a" * 1000, "ba" * 1000]
)
def test_the_longest_texts_have_a_diff_of_a_bounded_size_or_none(before: str, after: str) -> None:
    found = text_diff(before, after)

    assert found is None or len(found) <= MOST_STRETCHES
