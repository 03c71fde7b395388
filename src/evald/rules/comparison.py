"""How a row went from one run to another, and what the whole of it says in plain words."""

from dataclasses import dataclass
from typing import Final

from evald.contract.comparisons import RowKind
from evald.rules.paired_shares import Pairs, detectable_difference
from evald.rules.statistics import Interval
from evald.rules.verdict import ItemStatus

ROW_KINDS: Final[tuple[RowKind, ...]] = (
    *("regressed", "fixed", "both_failed", "errored"),
    *("only_in_baseline", "only_in_run", "both_passed"),
)
"""In the order in which a reader wants to see them."""

SIGNIFICANT: Final = 0.05
"""A p value below it is called more than chance explains."""

_KINDS: Final[dict[tuple[ItemStatus, ItemStatus], RowKind]] = {
    ("pass", "pass"): "both_passed",
    ("pass", "fail"): "regressed",
    ("fail", "pass"): "fixed",
    ("fail", "fail"): "both_failed",
}


def kind_of(baseline: ItemStatus, run: ItemStatus) -> RowKind:
    """Give how a row that both runs have went. One that errored in either counts as neither."""
    return _KINDS.get((baseline, run), "errored")


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What two runs say about pass and fail of the rows that both judged."""

    pairs: Pairs
    interval: Interval
    p_value: float
    """McNemar's, adjusted where several runs are compared."""
    tests: int = 1
    """How many runs are compared with the baseline."""


def sentence(verdicts: Verdicts, run: str, baseline: str) -> str:
    """Say in plain words how a run compares with the baseline. Both are called as given."""
    pairs = verdicts.pairs
    if pairs.judged == 0:
        return "No row was judged by both runs, so there is nothing to compare."
    judged = f"the {_rows(pairs.judged)} that both judged"
    if pairs.differing == 0:
        return f"{run} and {baseline} agree on {judged}."
    changes = f"{pairs.fixed:,} fixed, {pairs.regressed:,} regressed"
    interval = _interval(verdicts.interval, is_less=pairs.difference < 0)
    if pairs.difference == 0:
        said = f"{run} passes as many of {judged} as {baseline}: {changes} ({interval})."
    else:
        words = f"{_points(abs(pairs.difference))} {'fewer' if pairs.difference < 0 else 'more'}"
        said = f"{run} passes {words} of {judged} than {baseline} ({interval}): {changes}."
    return f"{said} {_likelihood(verdicts)}"


def p_text(p_value: float) -> str:
    """Give a p value as `p = 0.021`, or `p < 0.001` for any smaller one."""
    if p_value < 0.001:
        return "p < 0.001"
    return f"p = {p_value:.3f}" if p_value < 0.1 else f"p = {p_value:.2f}"


def _likelihood(verdicts: Verdicts) -> str:
    test = f"McNemar {p_text(verdicts.p_value)}"
    if verdicts.tests > 1:
        test += f", adjusted for {verdicts.tests} comparisons"
    if verdicts.p_value < SIGNIFICANT:
        return f"That is more than chance explains ({test})."
    least = detectable_difference(verdicts.pairs)
    if least >= 1:
        return f"Too few rows differ to tell ({test})."
    return (
        f"Chance alone may explain that ({test}); on these rows a difference of "
        f"{_points(least)} would mostly show."
    )


def _interval(interval: Interval, *, is_less: bool) -> str:
    low, high = interval
    if is_less:
        low, high = -high, -low
    if low >= 0:
        return f"95 % interval {100 * low:.1f} to {100 * high:.1f}"
    word, other = ("more", "fewer") if is_less else ("fewer", "more")
    return f"95 % interval {100 * -low:.1f} {word} to {100 * high:.1f} {other}"


def _points(share: float) -> str:
    shown = f"{100 * share:.1f}"
    return f"{shown} point" if shown == "1.0" else f"{shown} points"


def _rows(count: int) -> str:
    return "row" if count == 1 else f"{count:,} rows"
