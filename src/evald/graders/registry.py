"""Which grader carries out which type of testing criterion."""

from evald.contract.graders import AnyCriterion, Multi, StringCheck, TextSimilarity
from evald.graders.interface import Aside, Grader
from evald.graders.multi import multi
from evald.graders.string_check import string_check
from evald.graders.text_similarity import text_similarity


def grader_for(criterion: AnyCriterion, aside: Aside) -> Grader:
    """Compile a testing criterion into its grader; long computations are run `aside`."""
    match criterion:
        case StringCheck():
            return string_check(criterion)
        case TextSimilarity():
            return text_similarity(criterion, aside)
        case Multi():
            parts = {key: grader_for(part, aside) for key, part in criterion.parts.items()}
            return multi(criterion, parts)
