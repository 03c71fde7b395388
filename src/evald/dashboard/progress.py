"""How far a run has come, how fast, and what is known of its pass rate."""

from dataclasses import dataclass
from typing import Final

from evald.dashboard.bars import Counts, Segment, segments
from evald.dashboard.reading import (
    ApiObject,
    count_of,
    count_or_none,
    number_or_none,
    object_of,
    text_of,
)
from evald.rules.speed import average_speed, seconds_left
from evald.rules.statistics import Interval, wilson_interval
from evald.rules.status import FINAL


@dataclass(frozen=True)
class Times:
    """A run's moments as Unix times, and how long it took or has been going on.

    `started_at` and `finished_at` are None until then; `seconds` is None before the start, and
    while the run goes on without a clock to ask. A run that was resumed has the moments since then,
    and in `seconds` all the time that it was carried out.
    """

    created_at: float
    started_at: float | None
    finished_at: float | None
    seconds: float | None
    resumes: int


@dataclass(frozen=True)
class Pace:
    """What of a run that goes on its object does not say; each None where it is not known.

    In flight are model calls, retries are calls that were made again, and `indexed` are the items that
    the kept figures tell of.
    """

    in_flight: int | None = None
    retries: int | None = None
    indexed: int | None = None
    items_per_second: float | None = None


NOT_KNOWN: Final = Pace()


@dataclass(frozen=True)
class Progress:
    """Where a run stands. `rows` is None while they are still being read."""

    status: str
    is_final: bool
    counts: Counts
    rows: int | None
    calls_aborted: int
    bar: tuple[Segment, ...]
    items_per_second: float | None
    seconds_left: float | None
    in_flight: int | None
    retries: int | None
    is_settled: bool
    """Whether nothing on the page changes any more by itself."""

    @property
    def not_run(self) -> int:
        """Give the number of rows that have no output item."""
        return max(0, (self.rows or 0) - self.counts.done)

    @property
    def tenths_done(self) -> int:
        """Give how many tenths of the rows are done: coarse enough to be read aloud."""
        return 10 * self.counts.done // self.rows if self.rows else 0


@dataclass(frozen=True)
class PassRate:
    """The share of judged items that passed, with its 95 % interval.

    `worst` and `best` are the share if every errored item had failed, or passed.
    """

    passed: int
    judged: int
    share: float
    interval: Interval
    worst: float
    best: float


def times_of(run: ApiObject, now: float | None) -> Times:
    """Give a run's moments. `now` lets a run that still goes on say for how long."""
    extras = object_of(run.get("evald"))
    started_at = number_or_none(extras.get("started_at"))
    finished_at = number_or_none(extras.get("finished_at"))
    end = finished_at if finished_at is not None else now
    resumed = object_of(extras.get("resumed"))
    before = number_or_none(resumed.get("seconds_before")) or 0.0
    return Times(
        created_at=number_or_none(run.get("created_at")) or 0.0,
        started_at=started_at,
        finished_at=finished_at,
        seconds=None if started_at is None or end is None else before + max(0.0, end - started_at),
        resumes=count_of(resumed.get("times")),
    )


def progress_of(run: ApiObject, times: Times, pace: Pace = NOT_KNOWN) -> Progress:
    """Give where a run stands, with its speed and, while it goes on, the time that is left."""
    counts = counts_of(run)
    extras = object_of(run.get("evald"))
    rows = count_or_none(extras.get("rows"))
    is_final = run.get("status") in FINAL
    speed = pace.items_per_second or average_speed(counts.done, times.seconds)
    return Progress(
        status=text_of(run.get("status")),
        is_final=is_final,
        counts=counts,
        rows=rows,
        calls_aborted=count_of(extras.get("calls_aborted")),
        bar=segments(counts, rows if rows is not None else counts.done),
        items_per_second=speed,
        seconds_left=None if is_final else seconds_left(rows, counts.done, speed),
        in_flight=None if is_final else pace.in_flight,
        retries=pace.retries,
        is_settled=is_final and (pace.indexed is None or pace.indexed >= counts.done),
    )


def counts_of(run: ApiObject) -> Counts:
    """Give a run's result counts."""
    counts = object_of(run.get("result_counts"))
    return Counts(
        passed=count_of(counts.get("passed")),
        failed=count_of(counts.get("failed")),
        errored=count_of(counts.get("errored")),
    )


def pass_rate(counts: Counts) -> PassRate | None:
    """Give the pass rate of the items that have a verdict, or None before the first.

    An error is no verdict, so an errored item counts on neither side. What the rate would be if they
    had all failed, and if they had all passed, is told beside it.
    """
    judged = counts.passed + counts.failed
    if not judged:
        return None
    return PassRate(
        counts.passed,
        judged,
        counts.passed / judged,
        wilson_interval(counts.passed, judged),
        worst=counts.passed / counts.done,
        best=(counts.passed + counts.errored) / counts.done,
    )
