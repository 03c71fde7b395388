"""The `text_similarity` grader: how alike two texts are, from 0 to 1 (contract section 6.3)."""

import asyncio

from evald.contract.graders import TextSimilarity
from evald.errors import GraderFailed
from evald.graders.interface import Aside, Grade, Grader
from evald.graders.metrics.registry import METRICS, Metric
from evald.rules.template import Namespaces, compile_template


def text_similarity(criterion: TextSimilarity, aside: Aside) -> Grader:
    """Give the grader of a criterion; a row passes when the score reaches the threshold."""
    text_of = compile_template(criterion.input)
    reference_of = compile_template(criterion.reference)
    compare = _Comparison(METRICS[criterion.evaluation_metric], aside)

    async def grade(namespaces: Namespaces) -> Grade:
        score = await compare(text_of.render(namespaces), reference_of.render(namespaces))
        return Grade(passed=score >= criterion.pass_threshold, score=score)

    return grade


class _Comparison:
    """Compares texts by one metric where it holds nothing up: here, or in another process."""

    def __init__(self, metric: Metric, aside: Aside) -> None:
        self._metric = metric
        self._aside = aside
        self._is_open = metric.open is None
        self._opening = asyncio.Lock()

    async def __call__(self, text: str, reference: str) -> float:
        """Give the score. Raises GraderFailed for texts that are too long, and without the data."""
        if not self._is_open:
            await self._open()
        metric = self._metric
        work = 0 if text == reference else metric.work(len(text), len(reference))
        if work > metric.most_work:
            raise GraderFailed("text_too_long", _too_long(metric, text, reference))
        if work > metric.inline_work:
            return await self._aside(metric.score, text, reference)
        return metric.score(text, reference)

    async def _open(self) -> None:
        """Open what the metric reads, in a thread, and once for all rows that wait for it."""
        async with self._opening:
            if not self._is_open and self._metric.open is not None:
                await asyncio.to_thread(self._metric.open)
                self._is_open = True


def _too_long(metric: Metric, text: str, reference: str) -> str:
    return (
        f"Texts of {len(text):,} and {len(reference):,} characters are too long to compare; "
        f"the {metric.work_name} of both lengths may be {metric.most_work:,}."
    )
