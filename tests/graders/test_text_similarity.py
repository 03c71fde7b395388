"""The `text_similarity` grader: rapidfuzz's numbers, equal texts, thresholds, long texts, metrics."""

import asyncio
from collections.abc import Callable
from typing import TypeVar, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz import fuzz, utils

from evald.contract.graders import EvaluationMetric
from evald.errors import GraderFailed
from evald.graders.interface import Grade
from evald.graders.metrics.registry import METRICS
from evald.graders.metrics.wordnet import opened
from evald.graders.text_similarity import text_similarity
from evald.rules.similarity import fuzzy_match
from tests.graders.criteria import seen, similarity_criterion

Result = TypeVar("Result")
# What rapidfuzz 3.14's WRatio gave for these pairs, so that another version cannot change old scores
# without anyone noticing.
PAIRS = [
    ("billing", "billing", 1.0),
    ("Billing", "billing", 1.0),
    ("billing!", "  billing", 1.0),
    ("billing", "shipping", 0.5333),
    ("", "billing", 0.0),
    ("!!!", "???", 0.0),
    ("yes", "no", 0.0),
    ("a", "ab", 0.9),
    ("42", "42.0", 0.9),
    ("kitten", "sitting", 0.6154),
    ("Paris", "The capital of France is Paris.", 0.9),
    ("New York Mets", "New York Yankees", 0.7586),
    ("one two three", "three two one", 0.95),
    ("fuzzy wuzzy was a bear", "wuzzy fuzzy was a bear", 0.95),
    ("The cat sat on the mat", "the mat sat on the cat", 0.95),
    ("the quick brown fox jumps over the lazy dog", "quick fox", 0.855),
    ("naïve café", "naive cafe", 0.8),
    ("résumé", "resume", 0.6667),
    ("straße", "STRASSE", 0.7692),
    ("こんにちは", "こんばんは", 0.6),
    ("0123456789", "9876543210", 0.1),
    ("abcdabcdabcdabcdabcd", "abcd", 0.9),
]
TEXTS = st.text(max_size=60)


class Recorder:
    """Computes at once what is given to it, and keeps what it was."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []

    async def __call__(self, function: Callable[..., Result], *arguments: object) -> Result:
        self.asked.append((function, *arguments))
        return function(*arguments)


async def grade(text: str, reference: str, threshold: float = 0.8) -> Grade:
    grader = text_similarity(similarity_criterion(threshold), Recorder())
    return await grader(seen(text, reference))


@pytest.mark.parametrize(("text", "reference", "score"), PAIRS)
def test_a_pair_has_the_score_that_rapidfuzz_gives(text: str, reference: str, score: float) -> None:
    assert fuzzy_match(text, reference) == pytest.approx(score, abs=0.0001)


@given(TEXTS, TEXTS)
def test_two_different_texts_have_rapidfuzzs_own_score(text: str, reference: str) -> None:
    own = fuzz.WRatio(text, reference, processor=utils.default_process) / 100

    assert fuzzy_match(text, reference) == (1.0 if text == reference else own)


@given(TEXTS, TEXTS)
def test_a_score_lies_between_0_and_1_and_is_the_same_the_other_way_round(
    text: str, reference: str
) -> None:
    score = fuzzy_match(text, reference)

    assert 0 <= score <= 1
    assert score == pytest.approx(fuzzy_match(reference, text))


@pytest.mark.parametrize("text", ["", " ", "!!!", "\x00", "billing", "😀"])
def test_equal_texts_are_fully_alike_whatever_they_hold(text: str) -> None:
    assert fuzzy_match(text, text) == 1.0


@pytest.mark.parametrize(
    ("threshold", "passes"),
    [(0.9, True), (0.9000001, False), (0.8999999, True), (0.0, True), (1.0, False), (-1.0, True)],
)
async def test_a_row_passes_when_the_score_reaches_the_threshold(
    threshold: float, passes: bool
) -> None:
    assert await grade("a", "ab", threshold) == Grade(passed=passes, score=0.9)


async def test_equal_texts_reach_a_threshold_of_1() -> None:
    assert await grade("billing", "billing", 1.0) == Grade(passed=True, score=1.0)


@pytest.mark.parametrize(
    ("lengths", "goes_aside"),
    [((250, 400), False), ((250, 401), True), ((100_000, 1), False), ((1, 100_001), True)],
)
async def test_only_long_comparisons_are_made_aside(
    lengths: tuple[int, int], goes_aside: bool
) -> None:
    text, reference = "a" * lengths[0], "b" * lengths[1]
    aside = Recorder()

    await text_similarity(similarity_criterion(), aside)(seen(text, reference))

    assert aside.asked == ([(fuzzy_match, text, reference)] if goes_aside else [])
    assert METRICS["fuzzy_match"].inline_work == 100_000


async def test_texts_too_long_to_compare_are_an_error_and_no_score() -> None:
    grader = text_similarity(similarity_criterion(), Recorder())

    with pytest.raises(GraderFailed, match="product of both lengths may be 60,000,000") as failed:
        await grader(seen("a" * 10_000, "b" * 6_001))

    assert failed.value.code == "text_too_long"
    assert Grade.errored(failed.value).outcome == "errored"
    assert METRICS["fuzzy_match"].most_work == 60_000_000


@pytest.mark.parametrize("length", [501, 10_000, 1_000_000])
async def test_equal_texts_of_any_length_are_alike_without_being_compared(length: int) -> None:
    aside = Recorder()

    grade = await text_similarity(similarity_criterion(), aside)(seen("a" * length, "a" * length))

    assert (grade, aside.asked) == (Grade(passed=True, score=1.0), [])


def test_every_metric_that_a_request_may_name_has_its_function() -> None:
    assert set(get_args(EvaluationMetric)) - {"cosine"} == METRICS.keys()


BY_WORDS = [metric for metric in METRICS if metric != "fuzzy_match"]


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("metric", METRICS)
async def test_a_grader_gives_the_score_of_its_metric(metric: str) -> None:
    text, reference = "The men bought a fast car.", "A man buys the quick auto."
    score = METRICS[metric].score(text, reference)

    grade = await text_similarity(similarity_criterion(score, metric), Recorder())(
        seen(text, reference)
    )

    assert grade == Grade(passed=True, score=score)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("metric", BY_WORDS)
async def test_long_texts_are_compared_aside_and_longer_ones_not_at_all(metric: str) -> None:
    limits, aside = METRICS[metric], Recorder()
    grader = text_similarity(similarity_criterion(0, metric), aside)

    await grader(seen("a " * (limits.inline_work // 2 - 1), "b "))
    assert aside.asked == []

    await grader(seen("a " * (limits.inline_work // 2), "b "))
    assert [function for function, *_ in aside.asked] == [limits.score]

    with pytest.raises(GraderFailed, match="sum of both lengths may be 1,000,000") as failed:
        await grader(seen("a" * limits.most_work, "b"))
    assert failed.value.code == "text_too_long"


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("metric", METRICS)
async def test_two_empty_texts_are_alike_and_an_empty_one_is_like_no_other(metric: str) -> None:
    grader = text_similarity(similarity_criterion(1, metric), Recorder())

    assert await grader(seen("", "")) == Grade(passed=True, score=1.0)
    assert await grader(seen("", "billing")) == Grade(passed=False, score=0.0)
    assert await grader(seen("billing", "")) == Grade(passed=False, score=0.0)


@pytest.mark.usefixtures("installed")
async def test_meteor_opens_its_wordnet_once_for_all_rows() -> None:
    opened.cache_clear()
    grader = text_similarity(similarity_criterion(0, "meteor"), Recorder())

    await asyncio.gather(*(grader(seen("auto", "car")) for _ in range(20)))

    assert opened.cache_info().misses == 1
