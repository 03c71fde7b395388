"""`text_similarity` by `cosine`: what is asked of the embedding model, and what is no score."""

from collections.abc import Sequence

import pytest

from evald.contract.counts import ModelUsage
from evald.contract.json_types import JsonValue
from evald.errors import ModelUnavailable
from evald.graders.interface import Grade, GraderTools, graded
from evald.graders.registry import grader_for
from evald.sampling.interface import Embeddings
from tests.graders.criteria import seen, similarity_criterion
from tests.graders.judging import Judging, no_aside

Vector = tuple[float, ...]
HEAD: dict[str, JsonValue] = {
    "model": "embedder-2026",
    "usage": {"prompt_tokens": 7, "total_tokens": 7},
}
COST = ModelUsage("embedder-2026", 1, 7, 0, 7, 0, "judging")


class Embedding:
    """Gives these embeddings for whatever it is asked, or fails; remembers what it was asked."""

    def __init__(self, *vectors: Vector, fails: ModelUnavailable | None = None) -> None:
        self.vectors = vectors
        self.fails = fails
        self.asked: list[Sequence[str]] = []

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        self.asked.append(texts)
        if self.fails is not None:
            raise self.fails
        return Embeddings(self.vectors, HEAD)

    async def grade(self, text: str, reference: str, threshold: float = 0.5) -> Grade:
        tools = GraderTools(no_aside, Judging().ask, self.embed)
        return await graded(
            grader_for(similarity_criterion(threshold, "cosine"), tools), seen(text, reference)
        )


def code_of(grade: Grade) -> JsonValue:
    return None if grade.error is None else grade.error["code"]


async def test_both_texts_are_asked_for_in_one_call_which_is_counted() -> None:
    embedding = Embedding((3.0, 4.0), (4.0, 3.0))

    grade = await embedding.grade("a cat", "a dog")

    assert embedding.asked == [("a cat", "a dog")]
    assert grade == Grade(passed=True, score=0.96, usage=(COST,))


@pytest.mark.parametrize(("threshold", "passes"), [(0.0, True), (1.0, True), (1.01, False)])
async def test_equal_texts_are_alike_without_a_call(threshold: float, passes: bool) -> None:
    embedding = Embedding()

    grade = await embedding.grade("the same", "the same", threshold)

    assert grade == Grade(passed=passes, score=1.0)
    assert embedding.asked == []


@pytest.mark.parametrize(("text", "reference"), [("", "a"), ("a", ""), ("", "")])
async def test_an_empty_text_is_an_error_and_not_asked_for(text: str, reference: str) -> None:
    embedding = Embedding()

    grade = await embedding.grade(text, reference)

    assert (code_of(grade), grade.outcome, grade.score) == ("text_empty", "errored", 0)
    assert embedding.asked == []


@pytest.mark.parametrize(
    ("vectors", "code"),
    [
        (((0.0, 0.0), (1.0, 0.0)), "embedding_unusable"),
        (((1.0,), (1.0, 0.0)), "embeddings_differ"),
        (((), ()), "embedding_unusable"),
    ],
)
async def test_embeddings_that_cannot_be_compared_are_errors_that_were_paid(
    vectors: tuple[Vector, Vector], code: str
) -> None:
    grade = await Embedding(*vectors).grade("a", "b", threshold=0)

    assert (code_of(grade), grade.outcome, grade.passed, grade.score) == (code, "errored", False, 0)
    assert grade.usage == (COST,)


async def test_a_call_that_fails_is_an_error_with_the_words_of_the_endpoint() -> None:
    embedding = Embedding(fails=ModelUnavailable("upstream_error", "503 from p: loading"))

    grade = await embedding.grade("a", "b", threshold=0)

    assert grade.error == {"code": "embeddings_unavailable", "message": "503 from p: loading"}
    assert (grade.passed, grade.score, grade.usage) == (False, 0, ())


async def test_without_an_embedding_model_a_row_is_an_error() -> None:
    grader = grader_for(similarity_criterion(0, "cosine"), Judging().tools())

    assert code_of(await graded(grader, seen("a", "b"))) == "embeddings_not_configured"
