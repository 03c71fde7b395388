"""What a list request asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.errors import BadRequest
from evald.rules.paging import PageRequest, one_of, page_request


def test_nothing_asked_gives_the_first_twenty_oldest_first() -> None:
    assert page_request(None, None, None) == PageRequest(after=None, limit=20, order="asc")
    assert page_request("", None, "") == PageRequest(after=None, limit=20, order="asc")


@given(st.integers(1, 10**30), st.integers(0, 40))
def test_a_limit_above_the_maximum_is_taken_as_the_maximum(limit: int, zeros: int) -> None:
    assert page_request(None, "0" * zeros + str(limit), None).limit == min(limit, 1000)


@pytest.mark.parametrize(
    "limit",
    ["0", "-1", "+5", "1.0", "1e2", " 5", "ten", "٥", "５", "²", "NaN", "0" * 40, "1_0", "null"],
)
def test_a_limit_that_is_no_positive_integer_is_refused(limit: str) -> None:
    with pytest.raises(BadRequest) as refused:
        page_request(None, limit, None)

    assert (refused.value.param, refused.value.code) == ("limit", "invalid_value")
    assert refused.value.message.startswith("limit must be a positive integer")


@given(st.text())
def test_any_text_for_a_limit_is_a_limit_or_refused_in_a_short_message(limit: str) -> None:
    try:
        words = ""
        assert 1 <= page_request(None, limit, None).limit <= 1000
    except BadRequest as refused:
        words = refused.message

    assert len(words) < 300


def test_an_order_is_asc_or_desc_and_nothing_else() -> None:
    assert page_request(None, None, "desc").order == "desc"

    with pytest.raises(BadRequest, match="order must be one of asc, desc, not 'DESC'") as refused:
        page_request(None, None, "DESC")

    assert refused.value.param == "order"


def test_a_list_may_have_its_own_defaults() -> None:
    page = page_request("id", None, None, default_limit=50, max_limit=60, default_order="desc")

    assert page == PageRequest(after="id", limit=50, order="desc")
    assert page_request("id", "61", None, max_limit=60).limit == 60


def test_a_word_that_is_not_known_is_refused_with_the_known_ones() -> None:
    assert one_of("b", ("a", "b"), "letter", "a") == "b"
    assert one_of(None, ("a", "b"), "letter", "a") == "a"

    with pytest.raises(BadRequest, match=r"^letter must be one of a, b, not 'c'\.$"):
        one_of("c", ("a", "b"), "letter", "a")
