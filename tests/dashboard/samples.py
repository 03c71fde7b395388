"""API objects as the server answers them: a ticket-routing eval, its run, its items."""

from dataclasses import replace
from typing import Any

from evald.contract.json_types import JsonObject, JsonValue
from evald.dashboard.examples import Endpoint
from evald.store.eval_lists import RecentRun

EVAL_ID = "eval_0123456789abcdef0123456789abcdef"
RUN_ID = "evalrun_0123456789abcdef0123456789abcdef"
TEAM = "Correct team-3f0c1c9e-8f3b-4c53-9d2a-0a1b2c3d4e5f"
CLOSE = "Close to reference-7a1e2d3c-1b2a-4c5d-8e9f-a0b1c2d3e4f5"
STARTED = 1_764_064_800.0

ENDPOINT = Endpoint("http://127.0.0.1:8484/v1", needs_key=False, model=None)

_TICKETS = [
    ("The invoice page for order 88213 gives a blank screen. Tried two browsers.", "technical"),
    ("Where is my parcel? Tracking has shown the same depot for six days.", "shipping"),
    ("I changed phones and the login code still goes to the old one.", "account"),
    ("You charged me twice for the November renewal, please return one of them.", "billing"),
]


def eval_object(**changes: JsonValue) -> JsonObject:
    """Give the eval, with some fields changed."""
    team: JsonObject = {
        "id": TEAM,
        "name": "Correct team",
        "type": "string_check",
        "operation": "eq",
        "input": "{{sample.output_text}}",
        "reference": "{{item.team}}",
    }
    close: JsonObject = {
        "id": CLOSE,
        "name": "Close to reference",
        "type": "text_similarity",
        "evaluation_metric": "fuzzy_match",
        "pass_threshold": 0.8,
        "input": "{{sample.output_text}}",
        "reference": "{{item.team}}",
    }
    whole: JsonObject = {
        "object": "eval",
        "id": EVAL_ID,
        "name": "Support ticket triage",
        "created_at": int(STARTED) - 86_400,
        "metadata": {},
        "data_source_config": {"type": "custom", "schema": {"type": "object"}},
        "testing_criteria": [team, close],
    }
    return whole | changes


def run_object(
    status: str, *, passed: int = 0, failed: int = 0, errored: int = 0, **changes: JsonValue
) -> JsonObject:
    """Give the run in a status, with counts; results exist only when it has ended with items."""
    done = passed + failed + errored
    is_final = status in ("completed", "failed", "canceled")
    counts: JsonObject = {
        "total": done,
        "passed": passed,
        "failed": failed,
        "errored": errored,
    }
    verdicts: JsonObject = {"passed": passed, "failed": failed, "errored": errored}
    usage: JsonObject = {
        "model_name": "smollm2-135m",
        "invocation_count": done,
        "prompt_tokens": 84 * done,
        "completion_tokens": 6 * done,
        "total_tokens": 90 * done,
        "cached_tokens": 40 * done,
    }
    has_results = is_final and done > 0
    whole: JsonObject = {
        "object": "eval.run",
        "id": RUN_ID,
        "eval_id": EVAL_ID,
        "name": "smollm2, prompt v14",
        "status": status,
        "model": "smollm2-135m",
        "created_at": int(STARTED) - 1,
        "metadata": {"branch": "prompt-v14"},
        "error": None,
        "result_counts": counts,
        "per_model_usage": [usage] if has_results else None,
        "per_testing_criteria_results": (
            [{"testing_criteria": name, **verdicts} for name in (TEAM, CLOSE)]
            if has_results
            else None
        ),
        "data_source": {
            "type": "completions",
            "model": "smollm2-135m",
            "source": {"type": "file_content", "content": [{"item": {}}] * 40},
        },
        "evald": {
            "rows": 40,
            "started_at": None if status == "queued" else STARTED,
            "finished_at": STARTED + 83 if is_final else None,
            "calls_aborted": 3 if status == "canceled" else 0,
        },
    }
    return whole | changes


def recent_run(**changes: Any) -> RecentRun:
    """Give a completed run as the lists tell of it, with some fields changed."""
    whole = RecentRun(
        id=RUN_ID,
        name="smollm2, prompt v14",
        model="smollm2-135m",
        status="completed",
        created_at=int(STARTED) - 1,
        row_count=40,
        passed=31,
        failed=9,
        errored=0,
        is_imported=False,
    )
    return replace(whole, **changes)


def output_item(number: int, status: str, **changes: JsonValue) -> JsonObject:
    """Give one output item: its model answered right, answered wrong, or did not answer."""
    ticket, team = _TICKETS[number % len(_TICKETS)]
    answer = team if status == "pass" else "billing, I think"
    error: JsonObject = {"code": "upstream_timeout", "message": "no first byte within 60 s"}
    whole: JsonObject = {
        "object": "eval.run.output_item",
        "id": item_id(number),
        "run_id": RUN_ID,
        "eval_id": EVAL_ID,
        "created_at": int(STARTED) + number,
        "status": status,
        "datasource_item_id": number,
        "datasource_item": {"ticket": ticket, "team": team, "order": 88_213 + number},
        "results": [] if status == "error" else [_result(TEAM, status), _result(CLOSE, status)],
        "sample": {
            "input": [
                {"role": "system", "content": "Route the ticket. Answer with one word."},
                {"role": "user", "content": ticket},
            ],
            "output": [] if status == "error" else [{"role": "assistant", "content": answer}],
            "finish_reason": "" if status == "error" else "stop",
            "model": "smollm2-135m",
            "usage": {
                "total_tokens": 90 + number,
                "prompt_tokens": 84,
                "completion_tokens": 6 + number,
                "cached_tokens": 40,
            },
            "error": error if status == "error" else None,
        },
        "evald": {"latency_ms": 180.0 + 7 * number, "attempts": 3 if status == "error" else 1},
    }
    return whole | changes


def item_id(number: int) -> str:
    """Give the id of the output item of a row."""
    return f"outputitem_{number:032x}"


def output_items(passed: int, failed: int, errored: int) -> list[JsonObject]:
    """Give so many items of each status, mixed as a run would mix them."""
    statuses = ["pass"] * passed + ["fail"] * failed + ["error"] * errored
    mixed = sorted(range(len(statuses)), key=lambda place: (place * 7) % 11)
    return [output_item(number, statuses[place]) for number, place in enumerate(mixed)]


def _result(name: str, status: str) -> JsonObject:
    score = 1.0 if status == "pass" else 0.0 if name == TEAM else 0.38
    return {"name": name, "sample": None, "passed": status == "pass", "score": score}
