"""Cosine: angles, opposite directions, and embeddings that have none."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.errors import GraderFailed
from evald.graders.metrics.cosine import cosine_of

NUMBERS = st.floats(-1e3, 1e3).filter(lambda number: number == 0 or abs(number) > 1e-6)
EMBEDDINGS = st.lists(NUMBERS, min_size=3, max_size=3).filter(any)


@pytest.mark.parametrize(
    ("first", "second", "score"),
    [
        ([1, 0], [2, 0], 1.0),
        ([1, 0], [0, 1], 0.0),
        ([1, 0], [1, 1], math.sqrt(0.5)),
        ([1, 0], [-1, 0], 0.0),
        ([1, 0], [-1, 1], 0.0),
        ([3, 4], [4, 3], 0.96),
        ([1], [1], 1.0),
    ],
)
def test_a_score_is_the_cosine_and_beyond_a_right_angle_it_is_0(
    first: list[float], second: list[float], score: float
) -> None:
    assert cosine_of(first, second) == pytest.approx(score)


@given(EMBEDDINGS, EMBEDDINGS)
def test_a_score_is_from_0_to_1_and_the_same_either_way_round(
    first: list[float], second: list[float]
) -> None:
    score = cosine_of(first, second)

    assert 0 <= score <= 1
    assert score == cosine_of(second, first)


@given(EMBEDDINGS, st.floats(1e-3, 1e3))
def test_length_does_not_count(embedding: list[float], length: float) -> None:
    assert cosine_of(embedding, [number * length for number in embedding]) == pytest.approx(1)


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        ([1.0], [1.0, 2.0], "embeddings_differ"),
        ([], [1.0], "embeddings_differ"),
        ([], [], "embedding_unusable"),
        ([0.0, 0.0], [1.0, 0.0], "embedding_unusable"),
        ([math.nan, 1.0], [1.0, 0.0], "embedding_unusable"),
        ([math.inf, 1.0], [1.0, 0.0], "embedding_unusable"),
        ([math.inf, 1.0], [0.0, 0.0], "embedding_unusable"),
        ([1e-200, 0.0], [1.0, 0.0], "embedding_unusable"),
        ([1e300, 1e300], [1e300, 1e300], "embedding_unusable"),
    ],
)
def test_embeddings_without_a_direction_are_errors_and_no_score(
    first: list[float], second: list[float], code: str
) -> None:
    with pytest.raises(GraderFailed) as failed:
        cosine_of(first, second)

    assert failed.value.code == code
