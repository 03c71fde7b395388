"""Archived evals, runs and output items in the whole shape of the contract (sections 3.1 to 3.5).

An archive has nulls, and lacks keys, where an answer of evald has objects, numbers and lists. What is
missing is filled in with what says nothing; what is there stays, also under keys that evald does not
know. A value of a wrong type is left as it is: whoever reads it next refuses it by name.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

from evald.contract.json_types import JsonObject, JsonValue

_Change: TypeAlias = Callable[[JsonObject], JsonObject]

_ITEM_STATUSES: Final = {"passed": "pass", "failed": "fail", "errored": "error"}
"""Words for the verdict of an item that others than OpenAI use."""
_COUNTS: Final = ("passed", "failed", "errored")
_USAGE: Final = (
    *("invocation_count", "prompt_tokens", "completion_tokens"),
    *("total_tokens", "cached_tokens"),
)
_TOKENS: Final = ("total_tokens", "completion_tokens", "prompt_tokens", "cached_tokens")
_TOKEN_LIMITS: Final = ("max_completions_tokens", "max_completion_tokens")
"""Two spellings of one key (contract section 3.5); an answer has both."""
NO_RESULT: Final[JsonObject] = {
    "code": "no_result",
    "message": "The archive does not say what this grader found.",
}


def whole_eval(found: JsonObject) -> JsonObject:
    """Give an eval with a name, and metadata."""
    return {
        **found,
        "name": _or(found.get("name"), ""),
        "created_at": _whole(found.get("created_at")),
        "metadata": found.get("metadata", {}),
    }


def whole_run(run: JsonObject) -> JsonObject:
    """Give a run with all its keys, in the order of the API and others behind them."""
    known: JsonObject = {
        "object": "eval.run",
        "id": run.get("id"),
        "eval_id": run.get("eval_id"),
        "report_url": None,
        "status": run.get("status"),
        "model": run.get("model"),
        "name": _or(run.get("name"), ""),
        "created_at": _whole(run.get("created_at")),
        "result_counts": _result_counts(run.get("result_counts")),
        "per_model_usage": _each(run.get("per_model_usage"), _usage),
        "per_testing_criteria_results": _each(
            run.get("per_testing_criteria_results"), _criterion_counts
        ),
        "data_source": _or(run.get("data_source"), _unknown_rows()),
        "metadata": run.get("metadata", {}),
        "error": _error(run.get("error")),
    }
    return {**known, **{key: value for key, value in run.items() if key not in known}}


def whole_item(item: JsonObject) -> JsonObject:
    """Give an output item with a verdict, a row, results and a sample.

    A status that is none of evald's three is kept under `evald.imported.status`.
    """
    whole: JsonObject = {
        **item,
        "datasource_item": _or(item.get("datasource_item"), {}),
        "results": _each(_or(item.get("results"), []), _result),
        "sample": _sample(_or(item.get("sample"), {})),
        "created_at": _whole(item.get("created_at")),
    }
    if "datasource_item_id" in item:
        whole["datasource_item_id"] = _whole(item["datasource_item_id"])
    status = _item_status(whole)
    if status != item.get("status"):
        extras = item.get("evald")
        whole["status"] = status
        whole["evald"] = {
            **(extras if isinstance(extras, dict) else {}),
            "imported": {"status": item.get("status")},
        }
    return whole


def _item_status(item: JsonObject) -> JsonValue:
    """Give the verdict of an item; of one that only says that it is done, what its results say.

    One of which no result is known is an error, and never a score.
    """
    status = item.get("status")
    if isinstance(status, str) and status in _ITEM_STATUSES:
        return _ITEM_STATUSES[status]
    if status not in (None, "completed"):
        return status
    sample, results = item.get("sample"), item.get("results")
    found = (
        [each for each in results if isinstance(each, dict)] if isinstance(results, list) else []
    )
    failed = [each for each in found if not each.get("passed") and not each.get("error")]
    if isinstance(sample, dict) and sample.get("error"):
        return "error"
    if failed:
        return "fail"
    return "error" if not found or any(each.get("error") for each in found) else "pass"


def _result(result: JsonObject) -> JsonObject:
    """Give a result with a verdict and a score. One that has neither is an error, and no score."""
    passed, score = result.get("passed"), result.get("score")
    whole: JsonObject = {**result, "sample": result.get("sample")}
    if "error" in result:
        whole["error"] = _error(result["error"])
        if whole["error"] is None:
            del whole["error"]
    if passed is None:
        whole["passed"] = False
        whole.setdefault("error", dict(NO_RESULT))
    if score is None:
        whole["score"] = 1.0 if passed is True else 0.0
    return whole


def _sample(sample: JsonValue) -> JsonValue:
    if not isinstance(sample, dict):
        return sample
    known: JsonObject = {
        "input": _or(sample.get("input"), []),
        "output": _or(sample.get("output"), []),
        "finish_reason": _or(sample.get("finish_reason"), ""),
        "model": _or(sample.get("model"), ""),
        "usage": _numbers(_or(sample.get("usage"), {}), _TOKENS),
        "error": _error(sample.get("error")),
        "temperature": _or(sample.get("temperature"), 1.0),
        "top_p": _or(sample.get("top_p"), 1.0),
        "seed": sample.get("seed"),
        **_token_limits(sample),
    }
    return {**known, **{key: value for key, value in sample.items() if key not in known}}


def _token_limits(sample: JsonObject) -> JsonObject:
    given = [sample[key] for key in _TOKEN_LIMITS if sample.get(key) is not None]
    return {
        key: sample.get(key) if sample.get(key) is not None else (given[0] if given else None)
        for key in _TOKEN_LIMITS
    }


def _usage(usage: JsonObject) -> JsonObject:
    whole = _numbers(usage, _USAGE)
    return whole if isinstance(whole, dict) else usage


def _criterion_counts(counts: JsonObject) -> JsonObject:
    whole = _numbers(counts, ("passed", "failed"))
    return whole if isinstance(whole, dict) else counts


def _result_counts(counts: JsonValue) -> JsonValue:
    """Give counts of all kinds; `total` is their sum where it is not told."""
    whole = _numbers(_or(counts, {}), _COUNTS)
    if not isinstance(whole, dict) or whole.get("total") is not None:
        return whole
    numbers = [whole[key] for key in _COUNTS]
    return {**whole, "total": sum(each for each in numbers if isinstance(each, int))}


def _numbers(value: JsonValue, keys: tuple[str, ...]) -> JsonValue:
    """Give the object with 0 for each of these keys that it lacks."""
    if not isinstance(value, dict):
        return value
    return {**value, **{key: 0 for key in keys if value.get(key) is None}}


def _error(error: JsonValue) -> JsonValue:
    """Give an error; the empty one, which stands for none in the strict form, is none."""
    is_empty = isinstance(error, dict) and not any(error.values())
    return None if is_empty else error


def _unknown_rows() -> JsonObject:
    """Give the data source of a run of which none is known, in a form that clients can read."""
    return {"type": "jsonl", "source": {"type": "file_id", "id": "unknown"}}


def _each(value: JsonValue, change: _Change) -> JsonValue:
    if not isinstance(value, list):
        return value
    return [change(each) if isinstance(each, dict) else each for each in value]


def _whole(value: JsonValue) -> JsonValue:
    """Give a whole number as an integer: programs that write tables make 5.0 of a 5."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _or(value: JsonValue, default: JsonValue) -> JsonValue:
    """Give the value, or the default in the place of null."""
    return default if value is None else value
