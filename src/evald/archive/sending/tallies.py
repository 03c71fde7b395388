"""What an archive says of each run: by the run itself, and by its output items (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from evald.archive.reading.records import text_of

USAGE: Final = ("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens")
_VERDICTS: Final = {"pass": "passed", "passed": "passed", "fail": "failed", "failed": "failed"}
_MOST_NAMES: Final = 1000
"""Criteria and models of a run that are counted; those of a run are a few."""
_LARGEST: Final = 2**53


@dataclass(slots=True)
class CriterionTally:
    """What a criterion found."""

    type: str | None = None
    passed: int = 0
    failed: int = 0


@dataclass(slots=True)
class RunTally:
    """What the output items of a run add up to."""

    eval_id: str
    items: int = 0
    created_at: int | None = None
    """The earliest time of an item."""
    model: str | None = None
    verdicts: dict[str, int] = field(
        default_factory=lambda: {"passed": 0, "failed": 0, "errored": 0}
    )
    criteria: dict[str, CriterionTally] = field(default_factory=dict)
    """By name."""
    usage: dict[str, dict[str, int]] = field(default_factory=dict)
    """By model: how often it was asked, and its tokens."""

    def add(self, item: Mapping[str, Any]) -> None:
        """Count an item; what is of a wrong type in it counts as nothing."""
        self.items += 1
        self.verdicts[_VERDICTS.get(str(item.get("status")), "errored")] += 1
        created_at = number(item.get("created_at"))
        if created_at:
            self.created_at = min(created_at, self.created_at or created_at)
        sample = item.get("sample")
        if isinstance(sample, dict):
            self.model = self.model or text_of(sample, "model")
            self._asked(sample)
        results = item.get("results")
        for result in results if isinstance(results, list) else ():
            if isinstance(result, dict):
                self._graded(result)

    def _graded(self, result: Mapping[str, Any]) -> None:
        name = text_of(result, "name")
        if name is not None and (name in self.criteria or len(self.criteria) < _MOST_NAMES):
            tally = self.criteria.setdefault(name, CriterionTally())
            tally.type = tally.type or text_of(result, "type")
            tally.passed += result.get("passed") is True
            tally.failed += result.get("passed") is not True
        sample = result.get("sample")
        if isinstance(sample, dict):
            self._asked(sample)

    def _asked(self, sample: Mapping[str, Any]) -> None:
        model, usage = text_of(sample, "model"), sample.get("usage")
        if model is None or not isinstance(usage, dict):
            return
        if model in self.usage or len(self.usage) < _MOST_NAMES:
            known = self.usage.setdefault(model, dict.fromkeys(("invocation_count", *USAGE), 0))
            known["invocation_count"] += 1
            for key in USAGE:
                known[key] += number(usage.get(key))


def number(value: object) -> int:
    """Give a whole number from 0 on, 0 in the place of anything else."""
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    return value if 0 <= value < _LARGEST else 0


def told_items(run: Mapping[str, Any]) -> int:
    """Give how many output items a run says that it has, 0 when it does not say it."""
    counts = run.get("result_counts")
    if not isinstance(counts, dict):
        return 0
    verdicts = sum(number(counts.get(key)) for key in ("passed", "failed", "errored"))
    # A run that was canceled has fewer items than rows.
    is_over = run.get("status") == "completed"
    return max(verdicts, number(counts.get("total")) if is_over else 0)
