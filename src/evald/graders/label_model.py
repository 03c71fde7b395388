"""The `label_model` grader: a judge model chooses a label (contract section 6.4)."""

from evald.contract.judges import LabelModel
from evald.graders.interface import Grade, Grader, GraderTools
from evald.graders.judge import Judge
from evald.rules.judgement import label_form
from evald.rules.template import Namespaces


def label_model(criterion: LabelModel, tools: GraderTools) -> Grader:
    """Give the grader of a criterion; its score is 1 for a passing label and 0 for another."""
    judge = Judge.of(criterion, label_form(criterion.labels), tools)

    async def grade(namespaces: Namespaces) -> Grade:
        heard = await judge.ask(namespaces)
        if heard.verdict is None:
            return heard.errored()
        passed = heard.verdict in criterion.passing_labels
        return Grade(
            passed=passed,
            score=1.0 if passed else 0.0,
            sample=heard.sample,
            usage=heard.usage,
            extras={"label": heard.verdict},
        )

    return grade
