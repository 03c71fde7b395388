"""The examples in docs/metrics.md are what the metrics give."""

from pathlib import Path

import pytest

from evald.graders.metrics.registry import METRICS

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"


def documented() -> list[tuple[str, str, str, str]]:
    """Read the rows of metric, text, reference and score."""
    table = PAGE.read_text().split("## Examples")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| `")]
    return [(metric.strip("`"), text, reference, score) for metric, text, reference, score in rows]


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(("metric", "text", "reference", "score"), documented())
def test_a_documented_example_is_true(metric: str, text: str, reference: str, score: str) -> None:
    assert f"{METRICS[metric].score(text, reference):.4f}" == score


def test_every_metric_has_an_example() -> None:
    assert {metric for metric, *_ in documented()} == set(METRICS)
