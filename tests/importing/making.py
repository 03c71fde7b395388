"""Objects of elsewhere, and how tests send them."""

import json
from dataclasses import dataclass
from itertools import count
from typing import Any

from tests.server import Answer, EvaldServer

PATH = "/v1/evals/import"
THEN = 1_753_000_000
"""When it all happened, in Unix seconds."""
_numbers = count()

Object = dict[str, Any]
SAMPLE: Object = {
    "input": [{"role": "user", "content": "What is 2 + 2?"}],
    "output": [{"role": "assistant", "content": "4"}],
    "finish_reason": "stop",
    "model": "gpt-4o-2024-08-06",
    "usage": {"total_tokens": 9, "completion_tokens": 1, "prompt_tokens": 8, "cached_tokens": 0},
    "error": None,
    "temperature": 1.0,
    "max_completions_tokens": 4096,
    "top_p": 1.0,
    "seed": None,
}


@dataclass(frozen=True)
class Archive:
    """An eval of elsewhere with a run; every archive has ids of its own."""

    number: int

    @property
    def eval_id(self) -> str:
        return f"eval_{self.number:032x}"

    @property
    def run_id(self) -> str:
        return f"evalrun_{self.number:032x}"

    @property
    def criterion_id(self) -> str:
        return f"exact-6f1c0000-0000-4000-8000-{self.number:012x}"

    def item_id(self, row: int) -> str:
        return f"outputitem_{self.number:024x}{row:08x}"

    @property
    def runs_path(self) -> str:
        return f"/v1/evals/{self.eval_id}/runs"

    @property
    def run_path(self) -> str:
        return f"{self.runs_path}/{self.run_id}"

    def eval(self, **also: Any) -> Object:
        """Give the eval, with a criterion that compares the sample with the row's answer."""
        criterion = {
            "type": "string_check",
            "name": "exact",
            "id": self.criterion_id,
            "input": "{{ sample.output_text }}",
            "reference": "{{ item.answer }}",
            "operation": "eq",
        }
        properties = {"item": {"type": "object"}, "sample": {"type": "object", "title": "Sample"}}
        schema = {"type": "object", "properties": properties, "required": ["item", "sample"]}
        return {
            "object": "eval",
            "id": self.eval_id,
            "name": "Sums",
            "data_source_config": {"type": "custom", "schema": schema},
            "testing_criteria": [criterion],
            "created_at": THEN,
            "metadata": {"team": "support"},
            **also,
        }

    def run(self, **also: Any) -> Object:
        """Give the run as it ended: of two items the second one failed."""
        usage = {
            "model_name": "gpt-4o-2024-08-06",
            "invocation_count": 2,
            "prompt_tokens": 16,
            "completion_tokens": 2,
            "total_tokens": 18,
            "cached_tokens": 0,
        }
        criterion = {"testing_criteria": self.criterion_id, "passed": 1, "failed": 1}
        source = {"type": "file_content", "content": [{"item": {"answer": "4"}}] * 2}
        return {
            "object": "eval.run",
            "id": self.run_id,
            "eval_id": self.eval_id,
            "report_url": "https://platform.example/evaluations/x",
            "status": "completed",
            "model": "gpt-4o",
            "name": "first",
            "created_at": THEN + 1,
            "result_counts": {"total": 2, "errored": 0, "failed": 1, "passed": 1},
            "per_model_usage": [usage],
            "per_testing_criteria_results": [criterion],
            "data_source": {
                "type": "completions",
                "source": source,
                "input_messages": {"type": "item_reference", "item_reference": "item.input"},
                "model": "gpt-4o",
                "sampling_params": None,
            },
            "metadata": {},
            "error": None,
            "shared_with_openai": False,
            **also,
        }

    def item(self, row: int, **also: Any) -> Object:
        """Give the output item of a row; that of row 0 passed, others failed."""
        passed = row == 0
        result = {
            "name": self.criterion_id,
            "sample": None,
            "passed": passed,
            "score": float(passed),
        }
        return {
            "object": "eval.run.output_item",
            "id": self.item_id(row),
            "created_at": THEN + 2,
            "run_id": self.run_id,
            "eval_id": self.eval_id,
            "status": "pass" if passed else "fail",
            "datasource_item_id": row,
            "datasource_item": {"answer": "4" if passed else "5"},
            "results": [result],
            "sample": SAMPLE,
            "_datasource_item_content_hash": "0" * 64,
            **also,
        }

    @property
    def whole(self) -> list[Object]:
        """Give all of it, parents before their children."""
        return [self.eval(), self.run(), self.item(0), self.item(1)]


def new_archive() -> Archive:
    """Give an archive that nobody has."""
    return Archive(next(_numbers))


def jsonl(*objects: Any) -> bytes:
    """Give objects as JSON lines; bytes are a line as they are."""
    return b"".join(
        (each if isinstance(each, bytes) else json.dumps(each).encode()) + b"\n" for each in objects
    )


def sent(server: EvaldServer, *objects: Any, query: str = "") -> Answer:
    """Send objects to be imported."""
    return server.ask("POST", PATH + query, jsonl(*objects), {"content-type": "application/jsonl"})


def imported(server: EvaldServer, *objects: Any, query: str = "") -> Any:
    """Import objects, and give what became of them."""
    answer = sent(server, *objects, query=query)
    assert answer.status == 200, answer.body
    return answer.json


def fates(outcome: Any) -> dict[str, tuple[int, ...]]:
    """Give for each kind how many were imported, existing, different and replaced."""
    names = ("imported", "existing", "different", "replaced")
    return {
        kind: tuple(outcome[kind][name] for name in names)
        for kind in ("evals", "runs", "output_items")
    }


def all_of(evals: int, runs: int, items: int, fate: str = "imported") -> dict[str, tuple[int, ...]]:
    """Give the fates of an import in which all objects had the same one."""
    place = ("imported", "existing", "different", "replaced").index(fate)
    return {
        kind: tuple(number if at == place else 0 for at in range(4))
        for kind, number in (("evals", evals), ("runs", runs), ("output_items", items))
    }
