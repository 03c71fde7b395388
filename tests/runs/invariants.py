"""What is true of every run that is at rest, however it got there."""

from collections import Counter
from typing import Any

from tests.runs.making import asked, items_of, path_of
from tests.server import EvaldServer

WORDS = {"pass": "passed", "fail": "failed", "error": "errored"}


def check(server: EvaldServer, eval_id: str, run_id: str) -> tuple[Any, list[Any]]:
    """Hold a run against its output items, and give both."""
    run = asked(server, "GET", f"/v1/evals/{eval_id}/runs/{run_id}")
    items = items_of(server, run)
    check_rows(run, items)
    check_counts(run, items)
    check_criteria(run, items)
    check_usage(run, items)
    check_lists(server, run, items)
    return run, items


def check_rows(run: Any, items: list[Any]) -> None:
    """One item a row, all rows when the run is completed."""
    numbers = [item["datasource_item_id"] for item in items]
    row_count = run["evald"]["rows"]
    assert len(set(numbers)) == len(numbers), "a row has two items"
    assert len({item["id"] for item in items}) == len(items)
    assert all(0 <= number < (row_count or 0) for number in numbers)
    if run["status"] == "completed":
        assert sorted(numbers) == list(range(row_count))
    for item in items:
        assert (item["run_id"], item["eval_id"]) == (run["id"], run["eval_id"])


def check_counts(run: Any, items: list[Any]) -> None:
    """The counts are those of the items, and each item's status follows from its results."""
    statuses = Counter(WORDS[item["status"]] for item in items)
    counts = {word: statuses[word] for word in WORDS.values()}
    assert run["result_counts"] == {"total": len(items), **counts}
    for item in items:
        assert item["status"] == status_of(item)


def status_of(item: Any) -> str:
    """Give the status that an item must have: any fail, else any error, else pass."""
    outcomes = {outcome_of(result) for result in item["results"]}
    if item["sample"]["error"] is not None:
        return "error"
    if "failed" in outcomes:
        return "fail"
    return "error" if "errored" in outcomes else "pass"


def outcome_of(result: Any) -> str:
    """Give how a result counts."""
    if result.get("error") is not None:
        return "errored"
    return "passed" if result["passed"] else "failed"


def check_criteria(run: Any, items: list[Any]) -> None:
    """The counts per criterion are the sums over the items."""
    if not items:
        assert run["per_testing_criteria_results"] is None
        return
    seen: dict[str, Counter[str]] = {}
    for item in items:
        for result in item["results"]:
            seen.setdefault(result["name"], Counter())[outcome_of(result)] += 1
    told = {
        each["testing_criteria"]: Counter({word: each[word] for word in WORDS.values()})
        for each in run["per_testing_criteria_results"]
    }
    assert told == seen


def check_usage(run: Any, items: list[Any]) -> None:
    """The usage per model is the sum over the items, also apart for samples and for judges."""
    if not items:
        assert run["per_model_usage"] is None
        return
    sampling: Sums = {}
    judging: Sums = {}
    for item in items:
        if item["evald"]["attempts"] and item["sample"]["error"] is None:
            call = {"invocation_count": 1, **item["sample"]["usage"]}
            add(sampling, item["sample"]["model"], call)
        for use in item["evald"]["judge_usage"]:
            add(judging, **told_of(use))
    total: Sums = {}
    for sums in (sampling, judging):
        for model, numbers in sums.items():
            add(total, model, numbers)
    assert by_model(run["evald"]["usage"]["sampling"]) == sampling
    assert by_model(run["evald"]["usage"]["judging"]) == judging
    assert by_model(run["per_model_usage"]) == total


Sums = dict[str, Counter[str]]


def add(sums: Sums, model: str, numbers: Any) -> None:
    """Add the numbers of some calls to those of their model."""
    sums.setdefault(model, Counter()).update(numbers)


def told_of(use: Any) -> Any:
    """Give one entry of a usage as model and numbers."""
    numbers = {name: number for name, number in use.items() if name != "model_name"}
    return {"model": use["model_name"], "numbers": numbers}


def by_model(usage: Any) -> Sums:
    """Give a usage by model; it has one entry for each."""
    sums: Sums = {}
    for use in usage:
        assert use["model_name"] not in sums
        add(sums, **told_of(use))
    return sums


def check_lists(server: EvaldServer, run: Any, items: list[Any]) -> None:
    """The filters of the list split it, and an item alone is as in the list."""
    for status in WORDS:
        filtered = items_of(server, run, f"limit=1000&status={status}")
        assert filtered == [item for item in items if item["status"] == status]
    for item in items[:1] + items[-1:]:
        assert asked(server, "GET", f"{path_of(run)}/output_items/{item['id']}") == item
