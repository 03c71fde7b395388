"""The `score_model` grader: a judge model gives a number (contract section 6.5)."""

from collections.abc import Sequence

from evald.contract.judges import ScoreModel
from evald.graders.interface import Grade, Grader, GraderTools
from evald.graders.judge import Judge
from evald.rules.judgement import score_form
from evald.rules.template import Namespaces
from evald.rules.thresholds import default_threshold


def score_model(criterion: ScoreModel, tools: GraderTools) -> Grader:
    """Give the grader of a criterion; a row passes when the score reaches the threshold.

    A score outside a range that was given is put on its limit and marked; without one it stays as the
    judge gave it.
    """
    limits = criterion.range
    threshold = threshold_of(criterion)
    judge = Judge.of(criterion, score_form(limits), tools)

    async def grade(namespaces: Namespaces) -> Grade:
        heard = await judge.ask(namespaces)
        if heard.verdict is None:
            return heard.errored()
        score = clamped(heard.verdict, limits)
        return Grade(
            passed=score >= threshold,
            score=score,
            sample=heard.sample,
            usage=heard.usage,
            extras={} if score == heard.verdict else {"clamped": True},
        )

    return grade


def threshold_of(criterion: ScoreModel) -> float:
    """Give the score from which on a row passes."""
    if criterion.pass_threshold is not None:
        return criterion.pass_threshold
    return default_threshold(criterion.range)


def clamped(score: float, limits: Sequence[float] | None) -> float:
    """Give the score, or the limit that is nearest to it where it lies outside."""
    return score if limits is None else min(max(score, limits[0]), limits[1])
