"""What a project at OpenAI holds, object by object as its API writes them.

Three evals with 20 runs and 5,000 output items in all, among them everything that its objects were seen
to carry: ids of criteria, hashes of rows, nulls, judges' samples, a run that failed, one that was
canceled, one that still goes on.
"""

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from tests.archive.api_server import Content

STARTED: Final = 1_753_000_000
FILE_ID: Final = "file-Qx7v1cW2mTickets"
TICKETS: Final = "eval_687a1c00d2f481908b6f0e5d1c3a7b21"
SUMMARIES: Final = "eval_687a1c00d2f481908b6f0e5d1c3a7b22"
ANSWERS: Final = "eval_687a1c00d2f481908b6f0e5d1c3a7b23"
RUNS: Final = {TICKETS: 10, SUMMARIES: 6, ANSWERS: 4}
LONG_RUN_ITEMS: Final = 2_150
ITEMS: Final = 150
LABELS: Final = ("Hardware", "Software", "Other")

TICKET_SCHEMA: Final = {
    "type": "object",
    "properties": {
        "item": {
            "type": "object",
            "properties": {"ticket": {"type": "string"}, "label": {"type": "string"}},
            "required": ["ticket", "label"],
        },
        "sample": {"type": "object", "properties": {}},
    },
    "required": ["item", "sample"],
}


def _message(role: str, text: str) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": {"type": "input_text", "text": text}}


def _id(name: str) -> str:
    digits = sha256(name.encode()).hexdigest()
    return f"{name}-{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:32]}"


CRITERIA: Final[dict[str, list[dict[str, Any]]]] = {
    TICKETS: [
        {
            "name": "Match label",
            "id": _id("Match label"),
            "type": "string_check",
            "input": "{{ sample.output_text }}",
            "reference": "{{ item.label }}",
            "operation": "eq",
        }
    ],
    SUMMARIES: [
        {
            "name": "Is polite",
            "id": _id("Is polite"),
            "type": "label_model",
            "model": "gpt-4o",
            "input": [
                _message("developer", "Is this polite? Answer polite or rude."),
                _message("user", "{{ sample.output_text }}"),
            ],
            "passing_labels": ["polite"],
            "labels": ["polite", "rude"],
            "sampling_params": None,
        },
        {
            "name": "Close to it",
            "id": _id("Close to it"),
            "type": "text_similarity",
            "input": "{{ sample.output_text }}",
            "reference": "{{ item.label }}",
            "pass_threshold": 0.8,
            "evaluation_metric": "fuzzy_match",
        },
    ],
    ANSWERS: [
        {
            "name": "Graded",
            "id": _id("Graded"),
            "type": "score_model",
            "model": "o4-mini",
            "input": [_message("user", "Score 0 to 1: {{ sample.output_text }}")],
            "range": [0.0, 1.0],
            "pass_threshold": 0.5,
            "sampling_params": {"seed": None, "temperature": 1.0, "top_p": 1.0},
        },
        {
            "name": "Counted",
            "id": _id("Counted"),
            "type": "python",
            "source": "def grade(sample, item):\n    return float(len(sample['output_text']) > 3)\n",
            "pass_threshold": 1.0,
            "image_tag": "2025-05-08",
        },
    ],
}


@dataclass(frozen=True)
class _Run:
    eval_id: str
    number: int

    @property
    def id(self) -> str:
        return f"evalrun_{self.eval_id[-8:]}{self.number:024x}"

    @property
    def status(self) -> str:
        if self.eval_id != TICKETS:
            return "completed"
        return {7: "failed", 8: "canceled", 9: "in_progress"}.get(self.number, "completed")

    @property
    def items(self) -> int:
        if self.status == "failed":
            return 0
        return LONG_RUN_ITEMS + ITEMS if (self.eval_id, self.number) == (TICKETS, 0) else ITEMS

    @property
    def created_at(self) -> int:
        return STARTED + 100 * self.number


def project() -> Content:
    """Give the project."""
    content = Content({"files": []})
    for eval_id, runs in RUNS.items():
        content.add("evals", **_eval(eval_id))
        for number in range(runs):
            _add_run(content, _Run(eval_id, number))
    lines = [json.dumps({"item": _row(number)}).encode() for number in range(ITEMS)]
    body = b"\n".join(lines) + b"\n"
    content.add(
        "files",
        object="file",
        id=FILE_ID,
        purpose="evals",
        filename="tickets.jsonl",
        bytes=len(body),
        created_at=STARTED,
        expires_at=None,
        status="processed",
        status_details=None,
    )
    content.bodies[f"files/{FILE_ID}/content"] = body
    return content


def _eval(eval_id: str) -> dict[str, Any]:
    return {
        "object": "eval",
        "id": eval_id,
        "data_source_config": {"type": "custom", "schema": TICKET_SCHEMA},
        "testing_criteria": CRITERIA[eval_id],
        "name": f"Eval \u201c{eval_id[-2:]}\u201d \U0001f3ab",
        "created_at": STARTED,
        "metadata": {"team": "support"} if eval_id == TICKETS else {},
    }


def _add_run(content: Content, run: _Run) -> None:
    items = [_item(run, number) for number in range(run.items)]
    path = f"evals/{run.eval_id}/runs"
    content.add(path, **_run(run, items))
    content.lists[f"{path}/{run.id}/output_items"] = []
    for item in items:
        content.add(f"{path}/{run.id}/output_items", **item)


def _run(run: _Run, items: list[dict[str, Any]]) -> dict[str, Any]:
    passed = sum(item["status"] == "pass" for item in items)
    results = [result for item in items for result in item["results"]]
    error = {"code": "server_error", "message": "The model is gone."}
    return {
        "object": "eval.run",
        "id": run.id,
        "eval_id": run.eval_id,
        "report_url": f"https://platform.openai.com/evaluations/{run.eval_id}?project_id=proj_1"
        f"&run_id={run.id}",
        "status": run.status,
        "model": "gpt-4o",
        "name": f"Run {run.number}",
        "created_at": run.created_at,
        "result_counts": {
            "total": len(items),
            "errored": 0,
            "failed": len(items) - passed,
            "passed": passed,
        },
        "per_model_usage": [_usage(items)] if items else None,
        "per_testing_criteria_results": [
            {
                "testing_criteria": criterion["id"],
                "passed": sum(r["name"] == criterion["id"] and r["passed"] for r in results),
                "failed": sum(r["name"] == criterion["id"] and not r["passed"] for r in results),
            }
            for criterion in CRITERIA[run.eval_id]
        ]
        if items
        else None,
        "data_source": _data_source(run),
        "error": error if run.status == "failed" else None,
        "metadata": {"commit": f"{run.number:07x}"},
        "shared_with_openai": False,
    }


def _usage(items: list[dict[str, Any]]) -> dict[str, Any]:
    tokens = {
        name: sum(item["sample"]["usage"][name] for item in items)
        for name in ("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens")
    }
    return {"model_name": "gpt-4o-2024-08-06", "invocation_count": len(items), **tokens}


def _data_source(run: _Run) -> dict[str, Any]:
    return {
        "type": "completions" if run.number % 2 else "responses",
        "source": {"type": "file_id", "id": FILE_ID},
        "input_messages": {
            "type": "template",
            "template": [
                _message("developer", f"One of {', '.join(LABELS)}."),
                _message("user", "{{ item.ticket }}"),
            ],
        },
        "model": "gpt-4o",
        "sampling_params": None,
    }


def _row(number: int) -> dict[str, Any]:
    ticket = f"Ticket {number}: the \u201cscreen\u201d stays black \U0001f5a5"
    return {"ticket": ticket, "label": LABELS[number % 3]}


def _item(run: _Run, number: int) -> dict[str, Any]:
    answer = LABELS[(number + (number % 7 == 0)) % 3]
    is_right = answer == _row(number)["label"]
    row = _row(number)
    results = [_result(criterion, is_right) for criterion in CRITERIA[run.eval_id]]
    return {
        "object": "eval.run.output_item",
        "id": f"outputitem_{run.id[8:]}{number:08x}",
        "created_at": run.created_at + 1 + number // 10,
        "run_id": run.id,
        "eval_id": run.eval_id,
        "status": "pass" if all(result["passed"] for result in results) else "fail",
        "datasource_item_id": number,
        "datasource_item": row,
        "results": results,
        "sample": _sample(row["ticket"], answer),
        "_datasource_item_content_hash": sha256(row["ticket"].encode()).hexdigest(),
    }


def _result(criterion: dict[str, Any], is_right: bool) -> dict[str, Any]:
    says = json.dumps({"steps": [], "result": "polite" if is_right else "rude"})
    of_judge = criterion["type"] in ("label_model", "score_model")
    return {
        "name": criterion["id"],
        "sample": _sample("Is it?", says) if of_judge else None,
        "passed": is_right,
        "score": 1.0 if is_right else 0.0,
    }


def _sample(asked: str, said: str) -> dict[str, Any]:
    return {
        "input": [{"role": "user", "content": asked}],
        "output": [{"role": "assistant", "content": said}],
        "finish_reason": "stop",
        "model": "gpt-4o-2024-08-06",
        "usage": {
            "total_tokens": 23,
            "completion_tokens": 3,
            "prompt_tokens": 20,
            "cached_tokens": 0,
        },
        "error": None,
        "temperature": 1.0,
        "top_p": 1.0,
        "seed": None,
        "max_completions_tokens": 4096,
    }
