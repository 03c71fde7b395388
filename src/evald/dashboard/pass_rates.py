"""Pass rates over the runs of an eval, as a line that an SVG can draw and as words."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from evald.dashboard.bars import Counts
from evald.dashboard.figures import moment, number, percent
from evald.dashboard.progress import PassRate, pass_rate
from evald.rules.status import FINAL
from evald.store.eval_lists import RecentRun

IN_A_SPARKLINE: Final = 12
IN_A_CHART: Final = 40
SPARKLINE_WIDTH: Final = 96
SPARKLINE_HEIGHT: Final = 28
CHART_HEIGHT: Final = 200
_EDGE: Final = 4.0
"""Units that are kept free above and below a line, for its dots."""
_SMALLEST_SPAN: Final = 0.1
"""The share that a sparkline is high at least: chance alone should not look like a mountain."""
_STEPS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25)
_MOST_STEPS: Final = 5


@dataclass(frozen=True)
class Sparkline:
    """A small line of pass rates. `points` are what an SVG polyline takes, `end` is the last of them."""

    points: str
    end: tuple[float, float]
    words: str


@dataclass(frozen=True)
class Dot:
    """One run in a chart. `x` is in percent of the width; the others count from the top, in units."""

    id: str
    x: float
    y: float
    low: float
    high: float
    is_completed: bool
    words: str


@dataclass(frozen=True)
class Tick:
    """A line across a chart, and its share in whole percent."""

    y: float
    percent: int


@dataclass(frozen=True)
class Chart:
    """The pass rates of runs in the order of time, with their 95 % intervals."""

    dots: tuple[Dot, ...]
    ticks: tuple[Tick, ...]
    first_at: float
    last_at: float
    words: str


def counts_of_run(run: RecentRun) -> Counts:
    """Give how the items of a run went."""
    return Counts(run.passed, run.failed, run.errored)


def completed_rates(newest_first: Sequence[RecentRun]) -> list[float]:
    """Give the pass rates of the last completed runs, the oldest first."""
    rates = [pass_rate(counts_of_run(run)) for run in newest_first if run.status == "completed"]
    shares = [rate.share for rate in rates if rate is not None]
    return list(reversed(shares[:IN_A_SPARKLINE]))


def sparkline(rates: Sequence[float]) -> Sparkline | None:
    """Give the line of these pass rates, or None where there is none to draw."""
    if not rates:
        return None
    middle = (min(rates) + max(rates)) / 2
    span = max(max(rates) - min(rates), _SMALLEST_SPAN)
    step = (SPARKLINE_WIDTH - 2 * _EDGE) / max(1, len(rates) - 1)
    height = SPARKLINE_HEIGHT - 2 * _EDGE
    places = [
        (
            round(SPARKLINE_WIDTH - _EDGE - step * (len(rates) - 1 - place), 1),
            round(_EDGE + height * (0.5 - (rate - middle) / span), 1),
        )
        for place, rate in enumerate(rates)
    ]
    return Sparkline(
        points=" ".join(f"{x},{y}" for x, y in places), end=places[-1], words=_words(rates)
    )


def _words(rates: Sequence[float]) -> str:
    listed = ", ".join(f"{percent(rate)} %" for rate in rates)
    if len(rates) == 1:
        return f"Pass rate of the one completed run: {listed}"
    return f"Pass rates of the last {len(rates)} completed runs, the oldest first: {listed}"


def chart(newest_first: Sequence[RecentRun]) -> Chart | None:
    """Give the chart of the runs that have ended with a pass rate, or None where there are none."""
    ended = [run for run in reversed(newest_first) if run.status in FINAL]
    rated = [(run, rate) for run in ended if (rate := pass_rate(counts_of_run(run)))]
    if not rated:
        return None
    low, high, step = _scale([rate for _, rate in rated])

    def y(share: float) -> float:
        return round(_EDGE + (CHART_HEIGHT - 2 * _EDGE) * (high - share) / (high - low), 1)

    dots = tuple(
        Dot(
            id=run.id,
            x=round(100 * (place + 0.5) / len(rated), 2),
            y=y(rate.share),
            low=y(rate.interval.low),
            high=y(rate.interval.high),
            is_completed=run.status == "completed",
            words=_dot_words(run, rate),
        )
        for place, (run, rate) in enumerate(rated)
    )
    shares = [low + step * place for place in range(round((high - low) / step) + 1)]
    return Chart(
        dots=dots,
        ticks=tuple(Tick(y(share), round(share * 100)) for share in shares),
        first_at=rated[0][0].created_at,
        last_at=rated[-1][0].created_at,
        words=_chart_words([rate for _, rate in rated]),
    )


def _scale(rates: Sequence[PassRate]) -> tuple[float, float, float]:
    """Give where the scale begins and ends, and the step between its lines."""
    least = min(rate.interval.low for rate in rates)
    most = max(rate.interval.high for rate in rates)
    for step in _STEPS:
        first, last = math.floor(least / step + 1e-9), math.ceil(most / step - 1e-9)
        if last - first <= _MOST_STEPS:
            break
    return first * step, max(last, first + 1) * step, step


def _dot_words(run: RecentRun, rate: PassRate) -> str:
    errored = f", {number(run.errored)} errored" if run.errored else ""
    return (
        f"{run.name[:120]}: {percent(rate.share)} % of {number(rate.judged)} passed{errored}, "
        f"95 % interval {percent(rate.interval.low)} to {percent(rate.interval.high)} %; "
        f"{run.status}, {moment(run.created_at)} UTC"
    )


def _chart_words(rates: Sequence[PassRate]) -> str:
    shares = [rate.share for rate in rates]
    if len(shares) == 1:
        return f"One run, {percent(shares[0])} % passed"
    return (
        f"Pass rate of {len(shares)} runs in the order of time: from {percent(shares[0])} % to "
        f"{percent(shares[-1])} %, lowest {percent(min(shares))} %, highest {percent(max(shares))} %"
    )
