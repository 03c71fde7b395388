"""Adding up output items: what one batch of saved items adds to the counters of its run."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evald.contract.counts import CriterionCounts, ModelUsage, Purpose, ResultCounts
from evald.contract.json_types import JsonObject, JsonValue
from evald.rules.verdict import ItemStatus, Outcome


@dataclass(frozen=True, slots=True)
class Counted:
    """What counts of one output item."""

    status: ItemStatus
    outcomes: tuple[Outcome, ...]
    """One for each testing criterion, in the eval's order."""
    usage: tuple[ModelUsage, ...]
    """The calls that it cost: those that gave its sample, and those that its judges made."""


@dataclass(frozen=True, slots=True)
class Tally:
    """The sum over some output items."""

    counts: ResultCounts
    criteria: tuple[CriterionCounts, ...]
    usage: tuple[ModelUsage, ...]
    """One for each model and purpose."""


def outcomes_of(body: JsonObject) -> tuple[Outcome, ...]:
    """Give how the results of a saved output item count, in the order in which it has them."""
    results = body.get("results")
    return tuple(_outcome(each) for each in (results if isinstance(results, list) else []))


def _outcome(result: JsonValue) -> Outcome:
    if not isinstance(result, dict) or result.get("error") is not None:
        return "errored"
    return "passed" if result.get("passed") is True else "failed"


def tally(items: Sequence[Counted], criteria: int) -> Tally:
    """Add up items that were each judged by this number of criteria."""
    statuses = Counter(item.status for item in items)
    return Tally(
        ResultCounts(statuses["pass"], statuses["fail"], statuses["error"]),
        tuple(_criterion(item.outcomes[place] for item in items) for place in range(criteria)),
        _usage(items),
    )


def _criterion(outcomes: Iterable[Outcome]) -> CriterionCounts:
    seen = Counter(outcomes)
    return CriterionCounts(seen["passed"], seen["failed"], seen["errored"])


def _usage(items: Iterable[Counted]) -> tuple[ModelUsage, ...]:
    sums: dict[tuple[str, Purpose], ModelUsage] = {}
    for item in items:
        for usage in item.usage:
            key = usage.model_name, usage.purpose
            known = sums.get(key)
            sums[key] = known.plus(usage) if known else usage
    return tuple(sums.values())
