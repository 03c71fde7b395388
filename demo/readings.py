"""What the demo reads out of the API's objects: plain values for the screen."""

from openai.types.evals.run_cancel_response import RunCancelResponse
from openai.types.evals.run_retrieve_response import RunRetrieveResponse
from openai.types.evals.runs import OutputItemListResponse


def criterion_name(criterion_id: str) -> str:
    """Give the name of a testing criterion: its id is `NAME-UUID`, and a UUID has five parts."""
    return criterion_id.rsplit("-", 5)[0]


def answer_of(item: OutputItemListResponse) -> str:
    """Give the model's answer to a row, or why there is none."""
    if item.status == "error":
        return item.sample.error.message if item.sample.error else "a grader failed"
    return item.sample.output[0].content or ""


def seconds_taken(run: RunRetrieveResponse) -> float | None:
    """Give how long a run took on the server, or None where the server does not tell."""
    match evald_extras(run):
        case {"started_at": float(began), "finished_at": float(ended)}:
            return ended - began
    return None


def calls_aborted(run: RunCancelResponse) -> int | None:
    """Give how many model calls the cancel cut off, or None where the server does not tell."""
    match evald_extras(run):
        case {"calls_aborted": int(calls)}:
            return calls
    return None


def evald_extras(run: RunRetrieveResponse | RunCancelResponse) -> object:
    """Give what evald adds to a run, all of it under one key; other servers have no such key."""
    return (run.model_extra or {}).get("evald")
