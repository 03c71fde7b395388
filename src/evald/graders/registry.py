"""Which grader carries out which type of testing criterion."""

from evald.contract.graders import AnyCriterion, Multi, StringCheck, TextSimilarity
from evald.contract.judges import LabelModel, ScoreModel
from evald.contract.python_grader import PythonGrader
from evald.graders.cosine import cosine
from evald.graders.interface import Grader, GraderTools
from evald.graders.label_model import label_model
from evald.graders.multi import multi
from evald.graders.python import python
from evald.graders.score_model import score_model
from evald.graders.string_check import string_check
from evald.graders.text_similarity import text_similarity


def grader_for(criterion: AnyCriterion, tools: GraderTools) -> Grader:
    """Compile a testing criterion into its grader; `tools` are those of the run."""
    match criterion:
        case StringCheck():
            return string_check(criterion)
        case TextSimilarity(evaluation_metric="cosine"):
            return cosine(criterion, tools)
        case TextSimilarity():
            return text_similarity(criterion, tools.aside)
        case LabelModel():
            return label_model(criterion, tools)
        case ScoreModel():
            return score_model(criterion, tools)
        case PythonGrader():
            return python(criterion, tools)
        case Multi():
            parts = {key: grader_for(part, tools) for key, part in criterion.parts.items()}
            return multi(criterion, parts)
