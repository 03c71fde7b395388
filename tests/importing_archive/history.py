"""What a team has at OpenAI: an eval, its runs and their output items, as the API sends them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from openai.types import EvalRetrieveResponse
from openai.types.evals import RunRetrieveResponse
from openai.types.evals.runs import OutputItemRetrieveResponse

Object = dict[str, Any]

CRITERION = "Same-6f1c0000-0000-4000-8000-000000000000"
JUDGE = "Judge-6f1c0000-0000-4000-8000-000000000001"


@dataclass(frozen=True)
class History:
    """One eval with all that was made from it."""

    eval: Object
    runs: Sequence[Object]
    items: Sequence[Object]

    def items_of(self, run: Object) -> list[Object]:
        return [each for each in self.items if each["run_id"] == run["id"]]

    @property
    def dumped(self) -> "History":
        """The same as the Python SDK dumps it."""
        return History(
            _dumped(EvalRetrieveResponse, self.eval),
            [_dumped(RunRetrieveResponse, each) for each in self.runs],
            [_dumped(OutputItemRetrieveResponse, each) for each in self.items],
        )


def _dumped(kind: Any, value: Object) -> Object:
    found = kind.construct(**value).model_dump()
    return dict(json.loads(json.dumps(found)))


def history(name: str, *, runs: int = 2, items: int = 3) -> History:
    """Give an eval whose id is made of a name, with so many runs of so many items."""
    eval_id = f"eval_{name}"
    made = [run(eval_id, f"evalrun_{name}{number}", items) for number in range(runs)]
    lines = [item(each, row) for each in made for row in range(items)]
    return History(eval_of(eval_id), made, lines)


def eval_of(eval_id: str) -> Object:
    properties = {"text": {"type": "string"}, "label": {"type": "string"}}
    schema = {
        "type": "object",
        "properties": {
            "item": {"type": "object", "properties": properties},
            "sample": {"type": "object"},
        },
        "required": ["item", "sample"],
    }
    content = {"type": "input_text", "text": "Is it right? {{ sample.output_text }}"}
    return {
        "object": "eval",
        "id": eval_id,
        "name": "tickets \U0001f600",
        "created_at": 1753000000,
        "metadata": {"team": "support"},
        "data_source_config": {"type": "custom", "schema": schema},
        "testing_criteria": [
            {
                "type": "string_check",
                "id": CRITERION,
                "name": "Same",
                "input": "{{ sample.output_text }}",
                "reference": "{{ item.label }}",
                "operation": "eq",
            },
            {
                "type": "label_model",
                "id": JUDGE,
                "name": "Judge",
                "model": "gpt-gone",
                "labels": ["right", "wrong"],
                "passing_labels": ["right"],
                "input": [{"type": "message", "role": "user", "content": content}],
            },
        ],
    }


def run(eval_id: str, run_id: str, items: int) -> Object:
    usage = {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25, "cached_tokens": 0}
    content = {"type": "input_text", "text": "{{ item.text }}"}
    passed = (items + 1) // 2
    counts = {"passed": passed, "failed": items - passed}
    return {
        "object": "eval.run",
        "id": run_id,
        "eval_id": eval_id,
        "report_url": f"https://platform.openai.com/evaluations/{eval_id}?run_id={run_id}",
        "status": "completed",
        "model": "gpt-4.1",
        "name": f"run {run_id}",
        "created_at": 1753000100,
        "result_counts": {"total": items, "errored": 0, **counts},
        "per_model_usage": [
            {"model_name": "gpt-4.1-2025-04-14", "invocation_count": items, **usage}
        ],
        "per_testing_criteria_results": [
            {"testing_criteria": CRITERION, **counts},
            {"testing_criteria": JUDGE, **counts},
        ],
        "data_source": {
            "type": "completions",
            "source": {"type": "file_id", "id": f"file-{run_id}"},
            "input_messages": {
                "type": "template",
                "template": [{"type": "message", "role": "user", "content": content}],
            },
            "model": "gpt-4.1",
            "sampling_params": None,
        },
        "metadata": {"branch": "main"},
        "error": None,
    }


def item(run: Object, row: int) -> Object:
    passed = row % 2 == 0
    judged = _sample("judge-2025", f'{{"steps":[],"result":"{"right" if passed else "wrong"}"}}')
    return {
        "object": "eval.run.output_item",
        "id": f"outputitem_{run['id']}_{row}",
        "run_id": run["id"],
        "eval_id": run["eval_id"],
        "created_at": 1753000200 + row,
        "status": "pass" if passed else "fail",
        "datasource_item_id": row,
        "datasource_item": {"text": f"line {row}\nof\u2028{run['id']}", "label": "a", "n": 1e-7},
        "results": [
            {"name": CRITERION, "sample": None, "passed": passed, "score": float(passed)},
            {"name": JUDGE, "sample": judged, "passed": passed, "score": float(passed)},
        ],
        "sample": _sample("gpt-4.1-2025-04-14", "a" if passed else "b"),
        "_datasource_item_content_hash": "0" * 64,
    }


def _sample(model: str, text: str) -> Object:
    return {
        "input": [{"role": "user", "content": "hello"}],
        "output": [{"role": "assistant", "content": text}],
        "finish_reason": "stop",
        "model": model,
        "usage": {
            "total_tokens": 12,
            "completion_tokens": 2,
            "prompt_tokens": 10,
            "cached_tokens": 0,
        },
        "error": None,
        "seed": None,
        "temperature": 1.0,
        "top_p": 1.0,
        "max_completions_tokens": 4096,
    }
