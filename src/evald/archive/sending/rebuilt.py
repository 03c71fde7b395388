"""Runs and evals put together from output items, where an archive holds nothing else (pure)."""

import re
from collections.abc import Mapping
from typing import Any, Final

from evald.archive.sending.tallies import RunTally

_MARK: Final = {"imported": {"reconstructed": True}}
_SUFFIX: Final = re.compile(r"-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
"""What the API puts behind the name of a criterion to make its id."""
_UNKNOWN: Final = "unknown"


def rebuilt_run(run_id: str, tally: RunTally) -> dict[str, Any]:
    """Give the run that these items may have been made by. It says nothing that they do not."""
    return {
        "object": "eval.run",
        "id": run_id,
        "eval_id": tally.eval_id,
        "report_url": None,
        "status": "completed",
        "model": tally.model,
        "name": run_id,
        "created_at": tally.created_at or 0,
        "result_counts": {"total": tally.items, **tally.verdicts},
        "per_model_usage": [{"model_name": model, **usage} for model, usage in tally.usage.items()],
        "per_testing_criteria_results": [
            {"testing_criteria": name, "passed": each.passed, "failed": each.failed}
            for name, each in tally.criteria.items()
        ],
        "data_source": {"type": "jsonl", "source": {"type": "file_content", "content": []}},
        "metadata": {},
        "error": None,
        "evald": _MARK,
    }


def rebuilt_eval(
    eval_id: str, created_at: int, criteria: Mapping[str, str | None]
) -> dict[str, Any]:
    """Give the eval of criteria of which the id is known, and maybe the type.

    What they asked is unknown, so it cannot be run again.
    """
    return {
        "object": "eval",
        "id": eval_id,
        "name": eval_id,
        "created_at": created_at,
        "data_source_config": _any_item(),
        "testing_criteria": [_criterion(name, type_) for name, type_ in criteria.items()],
        "metadata": {},
        "evald": _MARK,
    }


def _any_item() -> Mapping[str, Any]:
    properties = {"item": {"type": "object"}, "sample": {"type": "object"}}
    schema = {"type": "object", "properties": properties, "required": ["item", "sample"]}
    return {"type": "custom", "schema": schema}


def _criterion(name: str, type_: str | None) -> dict[str, Any]:
    return {"type": type_ or _UNKNOWN, "name": _SUFFIX.sub("", name), "id": name}
