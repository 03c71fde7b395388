"""Which rows of two runs are the same, and what a comparison of them counts."""

from collections import Counter
from math import isfinite

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.contract.json_types import JsonObject
from evald.reports.comparison import Comparison, compare
from evald.reports.judged_rows import JudgedRows, no_rows
from evald.reports.matching import match
from evald.reports.row_pages import page_of_rows, row_id
from evald.rules.comparison import ROW_KINDS
from evald.rules.criterion_names import CriterionNames

NAMES = CriterionNames.of([("exact-1", "exact")])
RUN = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(["pass", "fail", "error"])))


def item(content: object, status: str, score: float | None = None) -> str:
    error = {"code": "judge_failed", "message": "no verdict"}
    result: JsonObject = {"name": "exact-1", "passed": status == "pass", "score": score or 0.0}
    results = [{**result, "error": error} if status == "error" else result]
    body = {"datasource_item": content, "status": status, "results": results}
    return orjson.dumps(body).decode()


def judged(run: list[tuple[str, str]]) -> JudgedRows:
    """Give the rows of a run, numbered from 0."""
    rows = no_rows(1)
    rows.take([(number, item({"q": q}, status)) for number, (q, status) in enumerate(run)], NAMES)
    return rows


def listed(comparison: Comparison, size: int) -> list[str]:
    """Give the ids of all rows, read page by page."""
    ids: list[str] = []
    while True:
        page = page_of_rows(comparison, ROW_KINDS, ids[-1] if ids else None, size)
        ids += map(row_id, page.rows)
        if not page.has_more:
            return ids


@given(RUN, RUN)
def test_matched_rows_have_the_same_content_and_no_row_is_matched_twice(
    baseline: list[tuple[str, str]], run: list[tuple[str, str]]
) -> None:
    found = match(judged(baseline), judged(run))

    pairs = list(zip(found.in_baseline, found.in_run, strict=True))
    assert all(baseline[one][0] == run[other][0] for one, other in pairs)
    assert sorted([*found.in_baseline, *found.only_in_baseline]) == list(range(len(baseline)))
    assert sorted([*found.in_run, *found.only_in_run]) == list(range(len(run)))
    contents, others = Counter(q for q, _ in baseline), Counter(q for q, _ in run)
    assert len(pairs) == (contents & others).total()


@given(RUN, RUN)
def test_rows_of_the_same_content_are_matched_in_their_order(
    baseline: list[tuple[str, str]], run: list[tuple[str, str]]
) -> None:
    found = match(judged(baseline), judged(run))

    for content in "abcdef":
        pairs = zip(found.in_baseline, found.in_run, strict=True)
        of_content = [pair for pair in pairs if baseline[pair[0]][0] == content]
        assert [other for _, other in of_content] == sorted(other for _, other in of_content)


@given(RUN, RUN, st.integers(1, 4))
def test_every_row_is_listed_once_regressions_first_whatever_the_size_of_a_page(
    baseline: list[tuple[str, str]], run: list[tuple[str, str]], size: int
) -> None:
    comparison = compare(judged(baseline), judged(run))

    ids = listed(comparison, size)

    assert len(set(ids)) == len(ids) == sum(map(len, comparison.rows.values()))
    order: dict[str, int] = {kind: place for place, kind in enumerate(ROW_KINDS)}
    places = [order[each.rpartition("-")[0]] for each in ids]
    assert places == sorted(places)


@given(RUN, RUN)
def test_the_other_way_round_what_was_fixed_has_regressed(
    baseline: list[tuple[str, str]], run: list[tuple[str, str]]
) -> None:
    there = compare(judged(baseline), judged(run)).rows
    back = compare(judged(run), judged(baseline)).rows

    assert len(there["fixed"]) == len(back["regressed"])
    assert len(there["errored"]) == len(back["errored"])
    assert len(there["only_in_run"]) == len(back["only_in_baseline"])


def test_a_row_that_errored_in_one_run_counts_in_no_test_and_its_score_in_no_mean() -> None:
    baseline, run = no_rows(1), no_rows(1)
    baseline.take([(0, item("a", "pass", 1.0)), (1, item("b", "pass", 0.5))], NAMES)
    run.take([(0, item("a", "error", 0.0)), (1, item("b", "fail", 0.25))], NAMES)

    (criterion,) = compare(baseline, run).criteria

    assert criterion.pairs.judged == 1
    assert criterion.scores is not None
    assert criterion.scores.difference.rows == 1
    assert criterion.scores.difference.value == -0.25


def test_a_row_is_the_same_whatever_the_order_of_its_keys_and_its_number() -> None:
    baseline, run = no_rows(1), no_rows(1)
    baseline.take([(3, item({"a": 1, "b": [2]}, "pass"))], NAMES)
    run.take([(0, item({"c": 1}, "pass")), (9, item({"b": [2], "a": 1}, "fail"))], NAMES)

    rows = compare(baseline, run).rows

    (regressed,) = rows["regressed"].behind(-1, 10)
    assert (regressed.baseline, regressed.run) == (3, 9)
    assert len(rows["only_in_run"]) == 1


@pytest.mark.parametrize("number", [12, 2_500])
def test_scores_near_the_largest_number_there_is_are_compared(number: int) -> None:
    baseline, run = no_rows(1), no_rows(1)
    for rows, score in ((baseline, 1.7e308), (run, -1.7e308)):
        signs = [1 if place % 3 else -1 for place in range(number)]
        items = [item({"q": q}, "pass", sign * score) for q, sign in enumerate(signs)]
        rows.take(list(enumerate(items)), NAMES)

    scores = compare(baseline, run).criteria[0].scores

    assert scores is not None
    assert scores.difference.interval is not None
    assert all(map(isfinite, (scores.baseline_mean, *scores.difference.interval)))
