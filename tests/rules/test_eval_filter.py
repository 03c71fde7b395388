"""What a list of evals can be narrowed to, as it stands in an address."""

from hypothesis import given
from hypothesis import strategies as st

from evald.rules.eval_filter import EvalFilter, MetadataPair, eval_filter


@given(st.text(min_size=1, max_size=64), st.text(max_size=512))
def test_a_pair_is_the_same_behind_an_address(key: str, value: str) -> None:
    pair = MetadataPair(key, value)

    read = eval_filter("", [pair.as_text()], "", "").metadata

    assert read == (pair,)


def test_a_form_adds_one_pair_and_what_is_given_twice_counts_once() -> None:
    assert eval_filter("  triage ", ["team:a", "team:a", ":x"], " env ", " prod ") == EvalFilter(
        "triage", (MetadataPair("team", "a"), MetadataPair("env", "prod"))
    )
    assert eval_filter(" ", [], "", "value without a key").is_empty


def test_a_filter_is_bounded() -> None:
    pairs = [f"{number}:{'v' * 9_000}" for number in range(99)]

    wanted = eval_filter("w" * 9_000, pairs, "k" * 9_000, "")

    assert (len(wanted.words), len(wanted.metadata)) == (200, 4)
    assert max(len(pair.value) for pair in wanted.metadata) == 512
