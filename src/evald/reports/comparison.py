"""Two runs of an eval side by side: how each row went, and what that comes to."""

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from evald.contract.comparisons import RowKind
from evald.reports.judged_rows import FAIL, PASS, STATUSES, CriterionColumn, JudgedRows
from evald.reports.matching import Matched, match
from evald.rules.comparison import ROW_KINDS, kind_of
from evald.rules.paired_scores import MeanDifference, mean_difference
from evald.rules.paired_shares import Pairs

_PLAIN = (0.0, 1.0)
_AT_ONCE = 20_000
"""Rows that are counted at a time: in between, other threads have their turn."""


@dataclass(frozen=True)
class ComparedRow:
    """A row as two runs have it: its number in each, or None in one that does not have it."""

    kind: RowKind
    baseline: int | None
    run: int | None

    @property
    def key(self) -> int:
        """Give the number that it is listed by: that of the baseline, where it has one."""
        number = self.run if self.baseline is None else self.baseline
        assert number is not None
        return number


@dataclass(frozen=True)
class RowList:
    """The rows of one kind, by their numbers."""

    kind: RowKind
    baseline: "array[int]"
    """Their numbers in the baseline; empty for those that only the other run has."""
    run: "array[int]"

    def __len__(self) -> int:
        """Give the number of rows."""
        return max(len(self.baseline), len(self.run))

    def behind(self, key: int, limit: int) -> list[ComparedRow]:
        """Give the rows behind one of this key, at most so many."""
        keys = self.baseline or self.run
        start = bisect_right(keys, key)
        return [self._row(place) for place in range(start, min(start + limit, len(keys)))]

    def _row(self, place: int) -> ComparedRow:
        return ComparedRow(
            self.kind,
            self.baseline[place] if self.baseline else None,
            self.run[place] if self.run else None,
        )


@dataclass(frozen=True)
class ScoreComparison:
    """How a criterion's scores went, over the rows that both runs scored."""

    baseline_mean: float
    run_mean: float
    difference: MeanDifference
    is_graded: bool
    """Whether there are scores other than 0 and 1, which say no more than verdicts do."""


@dataclass(frozen=True)
class CriterionComparison:
    """How one criterion's verdicts and scores went. `scores` is None without a row scored by both."""

    pairs: Pairs
    scores: ScoreComparison | None


@dataclass(frozen=True)
class Comparison:
    """A run against its baseline."""

    rows: Mapping[RowKind, RowList]
    pairs: Pairs
    criteria: tuple[CriterionComparison, ...]

    def behind(
        self, kinds: Sequence[RowKind], after: tuple[RowKind, int] | None, limit: int
    ) -> list[ComparedRow]:
        """Give the rows of these kinds behind a place, kind after kind, at most so many."""
        place = after
        found: list[ComparedRow] = []
        for kind in kinds:
            if place is not None and kind != place[0]:
                continue
            found += self.rows[kind].behind(-1 if place is None else place[1], limit - len(found))
            place = None
            if len(found) == limit:
                break
        return found


def compare(baseline: JudgedRows, run: JudgedRows) -> Comparison:
    """Compare a run with its baseline; both have the criteria of the same eval."""
    matched = match(baseline, run)
    rows = _rows(baseline, run, matched)
    return Comparison(
        rows=rows,
        pairs=Pairs(*(len(rows[kind]) for kind in _OF_PAIRS)),
        criteria=tuple(
            _criterion(one, other, matched)
            for one, other in zip(baseline.criteria, run.criteria, strict=True)
        ),
    )


_OF_PAIRS: tuple[RowKind, ...] = ("both_passed", "regressed", "fixed", "both_failed")
"""The kinds that `Pairs` counts, in its order."""


def _rows(baseline: JudgedRows, run: JudgedRows, matched: Matched) -> dict[RowKind, RowList]:
    rows: dict[RowKind, RowList] = {
        kind: RowList(kind, array("q"), array("q")) for kind in ROW_KINDS
    }
    kinds = [[rows[kind_of(one, other)] for other in STATUSES] for one in STATUSES]
    for place, partner in zip(matched.in_baseline, matched.in_run, strict=True):
        listed = kinds[baseline.statuses[place]][run.statuses[partner]]
        listed.baseline.append(baseline.numbers[place])
        listed.run.append(run.numbers[partner])
    for place in matched.only_in_baseline:
        rows["only_in_baseline"].baseline.append(baseline.numbers[place])
    for place in matched.only_in_run:
        rows["only_in_run"].run.append(run.numbers[place])
    return rows


def _criterion(
    baseline: CriterionColumn, run: CriterionColumn, matched: Matched
) -> CriterionComparison:
    seen: Counter[tuple[int, int]] = Counter()
    outcomes = zip(
        map(baseline.outcomes.__getitem__, matched.in_baseline),
        map(run.outcomes.__getitem__, matched.in_run),
        strict=True,
    )
    while some := list(islice(outcomes, _AT_ONCE)):
        seen.update(some)
    pairs = Pairs(seen[PASS, PASS], seen[PASS, FAIL], seen[FAIL, PASS], seen[FAIL, FAIL])
    return CriterionComparison(pairs, _scores(baseline, run, matched))


def _scores(
    baseline: CriterionColumn, run: CriterionColumn, matched: Matched
) -> ScoreComparison | None:
    differences = array("d")
    sums = [0.0, 0.0]
    is_graded = False
    for one, other in _scored_by_both(baseline, run, matched):
        differences.append(other - one)
        is_graded = is_graded or one not in _PLAIN or other not in _PLAIN
        sums[0] += one
        sums[1] += other
    difference = mean_difference(differences)
    if difference is None:
        return None
    rows = difference.rows
    return ScoreComparison(sums[0] / rows, sums[1] / rows, difference, is_graded)


def _scored_by_both(
    baseline: CriterionColumn, run: CriterionColumn, matched: Matched
) -> Iterator[tuple[float, float]]:
    for place, partner in zip(matched.in_baseline, matched.in_run, strict=True):
        one, other = baseline.scores[place], run.scores[partner]
        if one == one and other == other:  # each is a number
            yield one, other
