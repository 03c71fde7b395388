"""What came of a run beyond its counts: latencies, scores, and why items failed or errored.

It is taken from the kept figures, which follow a run that goes on: `indexed` says of how many items.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from evald.dashboard.addresses import ReportAddresses
from evald.dashboard.criteria import CriterionResult
from evald.dashboard.histograms import Histogram, histogram_of
from evald.dashboard.texts import Text, clip
from evald.rules.bins import Bins
from evald.rules.item_query import ItemQuery
from evald.rules.verdict import Outcome
from evald.store.item_figures import Reason, RunFigures

NO_FIGURES: Final = RunFigures()

_LABEL_LIMIT: Final = 240
_SCORELESS: Final = ("string_check", "label_model")


@dataclass(frozen=True)
class Latency:
    """The latency of the samples of a run, in milliseconds, to two digits."""

    median: float
    p95: float


@dataclass(frozen=True)
class CommonReason:
    """A reason for which items failed or errored. `share` is of all items looked at.

    `width` is that of its bar, where the most common reason has 1000.
    """

    status: str
    label: Text
    count: int
    share: float
    width: float
    address: str


@dataclass(frozen=True)
class CriterionFinding:
    """How a criterion went, its scores, and where its items are. No address where there are none."""

    result: CriterionResult
    histogram: Histogram | None
    failed_address: str
    errored_address: str


@dataclass(frozen=True)
class Findings:
    """What the kept figures say of a run."""

    indexed: int
    latency: Latency | None
    criteria: tuple[CriterionFinding, ...]
    reasons: tuple[CommonReason, ...]
    errored_address: str


def findings_of(
    figures: RunFigures,
    results: Sequence[CriterionResult],
    addresses: ReportAddresses,
    *,
    known: int,
) -> Findings:
    """Give what came of a run. The first `known` results are those of the eval's own criteria."""
    most = max((reason.count for reason in figures.reasons), default=1)
    return Findings(
        indexed=figures.indexed,
        latency=_latency(figures.latency),
        criteria=tuple(
            _finding(place if place < known else None, result, figures, addresses)
            for place, result in enumerate(results)
        ),
        reasons=tuple(_reason(each, figures.indexed, most, addresses) for each in figures.reasons),
        errored_address=filtered(addresses, ItemQuery(status="error")),
    )


def filtered(addresses: ReportAddresses, query: ItemQuery) -> str:
    """Give the report at its items that fit a query."""
    return f"{addresses.items(query)}#items"


def _latency(bins: Bins) -> Latency | None:
    median, p95 = bins.quantile(0.5), bins.quantile(0.95)
    return None if median is None or p95 is None else Latency(median, p95)


def _finding(
    place: int | None, result: CriterionResult, figures: RunFigures, addresses: ReportAddresses
) -> CriterionFinding:
    """Give a finding. What is of no criterion of the eval has no place, no scores and no links."""
    if place is None:
        return CriterionFinding(result, None, "", "")
    criterion, scores = result.criterion, figures.scores.get(place)
    is_scored = scores is not None and criterion.type not in _SCORELESS
    return CriterionFinding(
        result=result,
        histogram=histogram_of(scores, criterion.threshold) if scores and is_scored else None,
        failed_address=_with_verdict(place, "failed", addresses),
        errored_address=_with_verdict(place, "errored", addresses),
    )


def _with_verdict(place: int, outcome: Outcome, addresses: ReportAddresses) -> str:
    return filtered(addresses, ItemQuery(verdicts=((place, outcome),)))


def _reason(reason: Reason, indexed: int, most: int, addresses: ReportAddresses) -> CommonReason:
    return CommonReason(
        status=reason.status,
        label=clip(reason.label, _LABEL_LIMIT),
        count=reason.count,
        share=reason.count / max(indexed, reason.count),
        width=round(max(12.0, 1000 * reason.count / most), 1),
        address=filtered(addresses, ItemQuery(reason=reason.key)),
    )
