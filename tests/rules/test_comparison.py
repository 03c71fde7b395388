"""How rows are told apart, and the plain sentence about two runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.rules.comparison import Verdicts, kind_of, p_text, sentence
from evald.rules.paired_shares import Pairs, mcnemar, paired_interval
from evald.rules.verdict import ITEM_STATUSES, ItemStatus


def said(pairs: Pairs, tests: int = 1) -> str:
    return sentence(Verdicts(pairs, paired_interval(pairs), mcnemar(pairs), tests), "B", "A")


@given(st.sampled_from(ITEM_STATUSES))
def test_a_row_that_errored_in_either_run_is_neither_better_nor_worse(status: ItemStatus) -> None:
    assert kind_of("error", status) == "errored"
    assert kind_of(status, "error") == "errored"


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        (
            Pairs(800, 20, 50, 334),
            "B passes 2.5 points more of the 1,204 rows that both judged than A (95 % interval "
            "1.2 to 3.9): 50 fixed, 20 regressed. That is more than chance explains (McNemar "
            "p < 0.001).",
        ),
        (
            Pairs(800, 50, 31, 334),
            "B passes 1.6 points fewer of the 1,215 rows that both judged than A (95 % interval "
            "0.1 to 3.1): 31 fixed, 50 regressed. That is more than chance explains (McNemar "
            "p = 0.035).",
        ),
        (
            Pairs(80, 2, 3, 15),
            "B passes 1.0 point more of the 100 rows that both judged than A (95 % interval "
            "4.4 fewer to 6.8 more): 3 fixed, 2 regressed. Chance alone may explain that (McNemar "
            "p = 0.69); on these rows a difference of 6.3 points would mostly show.",
        ),
        (
            Pairs(80, 4, 4, 12),
            "B passes as many of the 100 rows that both judged as A: 4 fixed, 4 regressed (95 % "
            "interval 6.5 fewer to 6.5 more). Chance alone may explain that (McNemar p = 1.00); on "
            "these rows a difference of 7.9 points would mostly show.",
        ),
        (
            Pairs(1, 0, 1, 0),
            "B passes 50.0 points more of the 2 rows that both judged than A (95 % interval "
            "48.6 fewer to 90.5 more): 1 fixed, 0 regressed. Too few rows differ to tell (McNemar "
            "p = 0.50).",
        ),
        (Pairs(3, 0, 0, 4), "B and A agree on the 7 rows that both judged."),
        (Pairs(), "No row was judged by both runs, so there is nothing to compare."),
    ],
)
def test_the_sentence_says_how_much_how_sure_and_on_what(pairs: Pairs, words: str) -> None:
    assert said(pairs) == words


def test_the_sentence_says_when_its_p_value_is_one_of_several() -> None:
    assert "adjusted for 3 comparisons" in said(Pairs(10, 1, 9, 10), tests=3)


@given(st.floats(0, 1))
def test_a_p_value_is_never_shown_as_nothing(p_value: float) -> None:
    assert p_text(p_value) not in ("p = 0.00", "p = 0.000")
