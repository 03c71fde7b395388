"""A comparison as the API answers it, and in the words that pages show too."""

from string import ascii_uppercase
from typing import Final

from evald.contract.comparisons import (
    ComparedRowCounts,
    ComparedWithBaseline,
    ComparisonObject,
    CriterionComparisonObject,
    DifferenceObject,
    ScoresObject,
)
from evald.contract.json_types import JsonObject
from evald.reports.comparing import Compared
from evald.reports.comparison import Comparison, CriterionComparison, ScoreComparison
from evald.rules.comparison import Verdicts, sentence
from evald.rules.paired_shares import Pairs, adjusted, mcnemar, paired_interval

LABELS: Final = ascii_uppercase
"""What runs are called, by the order in which they were named."""


def comparison_object(compared: Compared) -> ComparisonObject:
    """Give runs side by side as the API answers it."""
    verdicts = verdicts_of(compared)
    return {
        "object": "eval.run.comparison",
        "eval_id": compared.of_eval.id,
        "is_final": compared.is_final,
        "runs": [
            {
                "run_id": run.id,
                "label": label,
                "name": run.name,
                "status": run.status,
                "model": run.model,
                "result_counts": run.counts.as_json(),
                "mean_latency_ms": latency,
            }
            for label, run, latency in zip(
                LABELS, compared.runs, compared.latencies_ms, strict=False
            )
        ],
        "comparisons": [
            _with_baseline(compared, place, verdicts[place - 1])
            for place in range(1, len(compared.runs))
        ],
    }


def verdicts_of(compared: Compared) -> list[Verdicts]:
    """Give what each run but the baseline says about pass and fail."""
    pairs = [each.pairs for each in compared.comparisons]
    p_values = adjusted([mcnemar(each) for each in pairs])
    return [
        Verdicts(each, paired_interval(each), p_value, tests=len(pairs))
        for each, p_value in zip(pairs, p_values, strict=True)
    ]


def sentence_of(compared: Compared, place: int, verdicts: Verdicts) -> str:
    """Say in plain words how the run at a place compares with the baseline."""
    said = sentence(verdicts, f"{LABELS[place]}", LABELS[0])
    if compared.is_pair_final(place):
        return said
    return f"So far: {said if verdicts.pairs.judged else said[0].lower() + said[1:]}"


def _with_baseline(compared: Compared, place: int, verdicts: Verdicts) -> ComparedWithBaseline:
    comparison = compared.comparisons[place - 1]
    return {
        "run_id": compared.runs[place].id,
        "label": LABELS[place],
        "counts": row_counts(comparison),
        "judged": comparison.pairs.judged,
        "difference": _difference(comparison.pairs),
        "mcnemar": {
            "p_value": mcnemar(comparison.pairs),
            "adjusted_p_value": verdicts.p_value,
            "method": "mid_p",
        },
        "per_testing_criteria": [
            _criterion(criterion, each)
            for criterion, each in zip(
                compared.of_eval.testing_criteria, comparison.criteria, strict=True
            )
        ],
        "sentence": sentence_of(compared, place, verdicts),
    }


def row_counts(comparison: Comparison) -> ComparedRowCounts:
    """Give how many rows went which way."""
    rows = comparison.rows
    return {
        "regressed": len(rows["regressed"]),
        "fixed": len(rows["fixed"]),
        "both_failed": len(rows["both_failed"]),
        "errored": len(rows["errored"]),
        "only_in_baseline": len(rows["only_in_baseline"]),
        "only_in_run": len(rows["only_in_run"]),
        "both_passed": len(rows["both_passed"]),
    }


def _criterion(criterion: JsonObject, found: CriterionComparison) -> CriterionComparisonObject:
    pairs = found.pairs
    return {
        "testing_criteria": str(criterion["id"]),
        "name": str(criterion.get("name") or criterion["id"]),
        "counts": {
            "regressed": pairs.regressed,
            "fixed": pairs.fixed,
            "both_failed": pairs.both_failed,
            "both_passed": pairs.both_passed,
        },
        "judged": pairs.judged,
        "difference": _difference(pairs),
        "p_value": mcnemar(pairs),
        "scores": _scores(found.scores) if found.scores else None,
    }


def _difference(pairs: Pairs) -> DifferenceObject | None:
    if pairs.judged == 0:
        return None
    low, high = paired_interval(pairs)
    return {"value": pairs.difference, "low": low, "high": high, "method": "tango"}


def _scores(scores: ScoreComparison) -> ScoresObject:
    difference = scores.difference
    return {
        "rows": difference.rows,
        "baseline_mean": scores.baseline_mean,
        "run_mean": scores.run_mean,
        "difference": difference.value,
        "low": difference.interval.low if difference.interval else None,
        "high": difference.interval.high if difference.interval else None,
        "method": difference.method,
    }
