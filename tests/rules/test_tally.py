"""Adding up output items: the sum over batches is the sum over the items, whatever the batches."""

from collections.abc import Sequence
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from evald.contract.counts import CriterionCounts, ModelUsage, ResultCounts
from evald.rules.tally import Counted, Tally, tally
from evald.rules.verdict import Outcome, item_status

CRITERIA = 3
OUTCOME = st.sampled_from(get_args(Outcome))
OUTCOMES: st.SearchStrategy[tuple[Outcome, ...]] = st.tuples(*[OUTCOME] * CRITERIA)
TOKENS = st.integers(0, 2**40)
USAGE = st.builds(
    ModelUsage,
    model_name=st.sampled_from(["small", "large", "judge"]),
    invocation_count=st.integers(1, 9),
    prompt_tokens=TOKENS,
    completion_tokens=TOKENS,
    total_tokens=TOKENS,
    cached_tokens=TOKENS,
)


def counted(outcomes: tuple[Outcome, ...], usage: Sequence[ModelUsage]) -> Counted:
    return Counted(item_status(outcomes), outcomes, tuple(usage))


ITEMS = st.lists(st.builds(counted, OUTCOMES, st.lists(USAGE, max_size=2)), max_size=12)


def plus(one: Tally, other: Tally) -> Tally:
    """Add two tallies as a run's counters add them up."""
    usage = {each.model_name: each for each in one.usage}
    for each in other.usage:
        known = usage.get(each.model_name)
        usage[each.model_name] = known.plus(each) if known else each
    return Tally(
        ResultCounts(
            one.counts.passed + other.counts.passed,
            one.counts.failed + other.counts.failed,
            one.counts.errored + other.counts.errored,
        ),
        tuple(
            CriterionCounts(
                first.passed + second.passed,
                first.failed + second.failed,
                first.errored + second.errored,
            )
            for first, second in zip(one.criteria, other.criteria, strict=True)
        ),
        tuple(usage.values()),
    )


@given(ITEMS, ITEMS)
def test_two_batches_add_up_to_the_tally_of_both(
    first: list[Counted], second: list[Counted]
) -> None:
    apart = plus(tally(first, CRITERIA), tally(second, CRITERIA))

    assert apart == tally(first + second, CRITERIA)


@given(ITEMS)
def test_every_item_counts_once_in_the_run_and_once_in_each_criterion(items: list[Counted]) -> None:
    result = tally(items, CRITERIA)

    sums = [each.passed + each.failed + each.errored for each in result.criteria]
    assert [result.counts.total, *sums] == [len(items)] * (CRITERIA + 1)


@given(ITEMS)
def test_usage_holds_each_model_once_with_all_its_tokens(items: list[Counted]) -> None:
    used = [usage for item in items for usage in item.usage]

    result = tally(items, CRITERIA).usage

    assert {each.model_name for each in result} == {each.model_name for each in used}
    assert len({each.model_name for each in result}) == len(result)
    assert sum(each.total_tokens for each in result) == sum(each.total_tokens for each in used)
    assert sum(each.invocation_count for each in result) == sum(
        each.invocation_count for each in used
    )


def test_no_items_add_nothing() -> None:
    assert tally([], 2) == Tally(ResultCounts(), (CriterionCounts(), CriterionCounts()), ())


def test_an_errored_criterion_counts_neither_as_passed_nor_as_failed() -> None:
    item = counted(("passed", "errored", "failed"), [])

    result = tally([item], CRITERIA)

    assert result.counts == ResultCounts(passed=0, failed=1, errored=0)
    assert result.criteria == (
        CriterionCounts(passed=1),
        CriterionCounts(errored=1),
        CriterionCounts(failed=1),
    )
