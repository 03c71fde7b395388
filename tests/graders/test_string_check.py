"""The `string_check` grader: four operations, nothing trimmed, no pattern understood."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.contract.json_types import JsonValue
from evald.graders.interface import Grade
from evald.graders.string_check import OPERATIONS, string_check
from tests.graders.criteria import seen, string_criterion

PASSED = Grade(passed=True, score=1.0)
FAILED = Grade(passed=False, score=0.0)


async def grade(operation: str, text: JsonValue, reference: JsonValue) -> Grade:
    return await string_check(string_criterion(operation))(seen(text, reference))


@pytest.mark.parametrize(
    ("operation", "text", "reference", "passes"),
    [
        ("eq", "billing", "billing", True),
        ("eq", "Billing", "billing", False),
        ("eq", "billing ", "billing", False),
        ("eq", "billing\n", "billing", False),
        ("eq", "", "", True),
        ("eq", "é", "e\u0301", False),
        ("eq", "\x00", "\x00", True),
        ("ne", "billing", "billing", False),
        ("ne", "Billing", "billing", True),
        ("ne", "", "billing", True),
        ("like", "It is billing.", "billing", True),
        ("like", "It is Billing.", "billing", False),
        ("like", "billing", "It is billing.", False),
        ("like", "anything", "", True),
        ("like", "", "x", False),
        ("like", "billing", "%ill%", False),
        ("like", "billing", "b_lling", False),
        ("like", "a%b", "%", True),
        ("like", "a.b", "a.b", True),
        ("like", "axb", "a.b", False),
        ("ilike", "It is BILLING.", "billing", True),
        ("ilike", "it is billing.", "BILLING", True),
        ("ilike", "STRASSE", "straße", True),
        ("ilike", "ΣΊΣΥΦΟΣ", "σίσυφος", True),
        ("ilike", "billing", "shipping", False),
        ("ilike", "billing", "BILL%", False),
    ],
)
async def test_an_operation_says_what_the_table_says(
    operation: str, text: str, reference: str, passes: bool
) -> None:
    assert await grade(operation, text, reference) == (PASSED if passes else FAILED)


@given(st.text(), st.text())
async def test_ne_is_the_opposite_of_eq(text: str, reference: str) -> None:
    assert (await grade("eq", text, reference)).passed == (text == reference)
    assert (await grade("ne", text, reference)).passed == (text != reference)


@given(st.text(), st.text(), st.text())
async def test_like_finds_a_text_wherever_it_stands(before: str, text: str, behind: str) -> None:
    whole = before + text + behind

    assert await grade("like", whole, text) == PASSED
    assert await grade("ilike", whole, text) == PASSED


@given(st.text(), st.text())
async def test_what_is_equal_is_contained_and_what_is_contained_is_so_in_any_case(
    text: str, reference: str
) -> None:
    passed = {name: (await grade(name, text, reference)).passed for name in OPERATIONS}

    assert passed["eq"] <= passed["like"] <= passed["ilike"]


@pytest.mark.parametrize(
    ("text", "reference", "passes"),
    [(4, "4", True), (4.0, "4", False), (True, "true", True), (None, "", True), ([1], "[1]", True)],
)
async def test_values_are_compared_as_the_texts_they_render_to(
    text: JsonValue, reference: JsonValue, passes: bool
) -> None:
    assert (await grade("eq", text, reference)).passed == passes


async def test_a_place_that_is_not_there_is_an_empty_text() -> None:
    criterion = string_criterion("eq", input="{{ sample.absent }}", reference="{{ item.absent.x }}")

    assert await string_check(criterion)({"item": {}, "sample": {}}) == PASSED


async def test_both_sides_may_be_plain_texts_around_places() -> None:
    criterion = string_criterion("eq", input="<{{ item.a }}>", reference="<1>")

    assert await string_check(criterion)({"item": {"a": 1}, "sample": {}}) == PASSED
