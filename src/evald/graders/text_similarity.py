"""The `text_similarity` grader: how alike two texts are, from 0 to 1 (contract section 6.3)."""

from typing import Final

from evald.contract.graders import TextSimilarity
from evald.errors import GraderFailed
from evald.graders.interface import Aside, Grade, Grader
from evald.rules.similarity import fuzzy_match
from evald.rules.template import Namespaces, compile_template

# WRatio took 0.1 ms for texts of 200 and 100 characters, 4 ms for 1,000 and 600, 0.1 s for 3,000 and
# 1,900, and 3.4 s for 10,000 and 6,000, and nothing else runs in the process meanwhile.
INLINE_WORK: Final = 100_000
"""Product of both lengths up to which a comparison is made at once; beyond, in another process."""
MOST_WORK: Final = 60_000_000
"""Product of both lengths beyond which two texts are not compared."""


def text_similarity(criterion: TextSimilarity, aside: Aside) -> Grader:
    """Give the grader of a criterion; a row passes when the score reaches the threshold."""
    text_of = compile_template(criterion.input)
    reference_of = compile_template(criterion.reference)

    async def grade(namespaces: Namespaces) -> Grade:
        text, reference = text_of.render(namespaces), reference_of.render(namespaces)
        work = 0 if text == reference else len(text) * len(reference)
        if work > MOST_WORK:
            raise GraderFailed("text_too_long", _too_long(text, reference))
        if work > INLINE_WORK:
            score = await aside(fuzzy_match, text, reference)
        else:
            score = fuzzy_match(text, reference)
        return Grade(passed=score >= criterion.pass_threshold, score=score)

    return grade


def _too_long(text: str, reference: str) -> str:
    return (
        f"Texts of {len(text):,} and {len(reference):,} characters are too long to compare; "
        f"the product of both lengths may be {MOST_WORK:,}."
    )
