"""`text_similarity` by `cosine`: an embedding model says how alike the texts are (contract 6.3)."""

from evald.contract.graders import TextSimilarity
from evald.errors import GraderFailed, ModelUnavailable
from evald.graders.interface import Grade, Grader, GraderTools
from evald.graders.metrics.cosine import cosine_of
from evald.rules.sample import usage_of
from evald.rules.template import Namespaces, compile_template
from evald.sampling.interface import Embeddings


def cosine(criterion: TextSimilarity, tools: GraderTools) -> Grader:
    """Give the grader of a criterion; a row passes when the score reaches the threshold.

    Both texts are sent in one call; equal ones are alike without one, and an empty one has no
    embedding.
    """
    text_of = compile_template(criterion.input)
    reference_of = compile_template(criterion.reference)

    async def grade(namespaces: Namespaces) -> Grade:
        text, reference = text_of.render(namespaces), reference_of.render(namespaces)
        if not text or not reference:
            raise GraderFailed("text_empty", "A text to compare is empty, so it has no embedding.")
        if text == reference:
            return Grade(passed=criterion.pass_threshold <= 1, score=1.0)
        found = await _embeddings(text, reference, tools)
        usage = (usage_of(found.head, "judging"),)
        try:
            score = cosine_of(*found.vectors)
        except GraderFailed as error:
            return Grade.errored(error, usage=usage)
        return Grade(passed=score >= criterion.pass_threshold, score=score, usage=usage)

    return grade


async def _embeddings(text: str, reference: str, tools: GraderTools) -> Embeddings:
    if tools.embed is None:  # the setting was taken away after the run had been made
        raise GraderFailed("embeddings_not_configured", "No embedding model is configured now.")
    try:
        return await tools.embed((text, reference))
    except ModelUnavailable as error:
        raise GraderFailed("embeddings_unavailable", error.message) from None
