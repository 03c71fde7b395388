"""The demo from its first to its last step. All of it but the two servers is the `openai` SDK."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from openai import OpenAI, OpenAIError
from openai.types.evals.run_retrieve_response import RunRetrieveResponse
from openai.types.evals.runs import OutputItemListResponse

from demo import mail_eval, screen
from demo.ending import DemoFailed, pause
from demo.local_model import SLOTS
from demo.processes import Child, family
from demo.readings import calls_aborted, seconds_taken
from demo.screen import CancelSeen
from demo.servers import Home, ModelServer, own_folder, start_evald, start_model

FINAL = {"completed", "failed", "canceled"}
POLL_EVERY = 0.1
"""Seconds between two looks at a run."""
STALLED_AFTER = 60.0
"""Seconds without a new row after which a run is given up."""
IDLE_WITHIN = 30.0
"""Seconds after which a model server that is still busy is called busy."""


def tell(folder: Path, port: int) -> None:
    """Run all steps. Raises DemoFailed; it and a KeyboardInterrupt come with all stopped."""
    home = Home(folder)
    with own_folder(home), family() as children:
        url, first = show_all(children, home, port)
        if sys.stdin.isatty() and sys.stdout.isatty():
            screen.your_turn(url, first)
            serve_on(children)
    screen.ended(str(home.data))


def show_all(children: list[Child], home: Home, port: int) -> tuple[str, RunRetrieveResponse]:
    """Start the servers and show both runs; give evald's URL and the first run. Raises DemoFailed."""
    screen.title(mail_eval.row_count())
    began = time.monotonic()
    model = start_model(children, home)
    screen.started("local model", f"SmolLM2-135M on one thread, {model.base_url}", since(began))
    began = time.monotonic()
    evald, url = start_evald(children, home, model, port)
    screen.started("evald", f"{url}, data in {home.data}/", since(began))
    if port and not url.endswith(f":{port}"):
        screen.taken(port)
    client = OpenAI(base_url=f"{url}/v1", api_key="not needed")
    try:
        cancel_leftovers(client)
        return url, both_runs(client, model)
    except (OpenAIError, TimeoutError) as error:
        raise DemoFailed(f"{type(error).__name__}: {error}\n{evald.end_of_log()}") from error


def cancel_leftovers(client: OpenAI) -> None:
    """Cancel the runs of an earlier demo that was stopped in the middle; evald goes on with them."""
    for each in client.evals.list(order="desc", limit=20).data:
        if each.name == mail_eval.NAME:
            for run in client.evals.runs.list(each.id, limit=100):
                if run.status not in FINAL:
                    client.evals.runs.cancel(run.id, eval_id=each.id)
                    screen.called("client.evals.runs.cancel", f"{run.id}, left by an earlier demo")


def both_runs(client: OpenAI, model: ModelServer) -> RunRetrieveResponse:
    """Create the eval, show one run to its end and one to its cancel, and give the first."""
    screen.step("An eval and its first run")
    rows = client.files.create(file=mail_eval.ROWS, purpose="evals")
    screen.called("client.files.create", rows.id)
    created = client.evals.create(
        name=mail_eval.NAME,
        data_source_config=mail_eval.DATA_SOURCE_CONFIG,
        testing_criteria=mail_eval.TESTING_CRITERIA,
    )
    screen.called("client.evals.create", created.id)
    data_source = mail_eval.completions(rows.id, client.models.list().data[0].id)

    run = client.evals.runs.create(created.id, name="first run", data_source=data_source)
    screen.called("client.evals.runs.create", run.id)
    first = show_result(client, created.id, run.id)

    screen.step("A second run, canceled in the middle")
    run = client.evals.runs.create(created.id, name="second run", data_source=data_source)
    screen.called("client.evals.runs.create", run.id)
    show_cancel(client, created.id, run.id, model)
    return first


def show_result(client: OpenAI, eval_id: str, run_id: str) -> RunRetrieveResponse:
    """Watch a run to its end, show its result and give it. Raises DemoFailed."""
    began = time.monotonic()
    run = watch(client, eval_id, run_id, until=lambda run: run.status in FINAL)
    took = seconds_taken(run) or since(began)
    if run.status != "completed":
        reason = run.error.message if run.error else "no reason given"
        raise DemoFailed(f"The run is {run.status}: {reason}.")
    missed = [item for item in listed(client, eval_id, run_id) if item.status != "pass"]
    missed.sort(key=lambda item: item.datasource_item_id)
    screen.result(run, missed, took)
    if run.result_counts.errored:
        raise DemoFailed(f"{run.result_counts.errored} rows could not be judged; see the table.")
    return run


def watch(
    client: OpenAI, eval_id: str, run_id: str, until: Callable[[RunRetrieveResponse], bool]
) -> RunRetrieveResponse:
    """Draw the progress of a run until it is as wished, and give it as it is then.

    Raises TimeoutError if no row is added for a long time: a full disk makes a run wait.
    """
    rows, moved = 0, time.monotonic()
    with screen.progress(mail_eval.row_count()) as show:
        while True:
            run = client.evals.runs.retrieve(run_id, eval_id=eval_id)
            show(run.result_counts)
            if until(run):
                return run
            if run.result_counts.total != rows:
                rows, moved = run.result_counts.total, time.monotonic()
            if since(moved) > STALLED_AFTER:
                raise TimeoutError(f"the run stands still at {rows} rows")
            pause(POLL_EVERY)


def listed(client: OpenAI, eval_id: str, run_id: str) -> list[OutputItemListResponse]:
    """Give all output items of a run; the SDK turns the pages."""
    return list(client.evals.runs.output_items.list(run_id, eval_id=eval_id, limit=100))


def show_cancel(client: OpenAI, eval_id: str, run_id: str, model: ModelServer) -> None:
    """Cancel a run after a third of its rows, and show what that did. Raises DemoFailed."""
    rows = mail_eval.row_count()
    watch(
        client,
        eval_id,
        run_id,
        until=lambda run: run.status in FINAL or 3 * run.result_counts.total >= rows,
    )
    seen = cancel_and_measure(client, eval_id, run_id, model)
    screen.cancel(seen)
    if not seen.kept_its_promise():
        raise DemoFailed("The cancel did not do what it should; see the lines above.")


def cancel_and_measure(client: OpenAI, eval_id: str, run_id: str, model: ModelServer) -> CancelSeen:
    """Cancel a run and give what can be seen of it from outside."""
    busy_before = model.busy_slots()
    screen.called("client.evals.runs.cancel", run_id)
    sent = time.monotonic()
    answer = client.evals.runs.cancel(run_id, eval_id=eval_id)
    answered_after = since(sent)
    idle_after = wait_until_idle(model, sent)
    kept = listed(client, eval_id, run_id)
    pause(1.0)
    return CancelSeen(
        status=answer.status,
        answered_after=answered_after,
        calls_aborted=calls_aborted(answer),
        rows=mail_eval.row_count(),
        counted=answer.result_counts.total,
        listed=len(kept),
        busy_before=busy_before,
        slots=SLOTS,
        idle_after=idle_after,
        busy_later=model.busy_slots(),
        counted_later=client.evals.runs.retrieve(run_id, eval_id=eval_id).result_counts.total,
    )


def wait_until_idle(model: ModelServer, sent: float) -> float | None:
    """Give the seconds from `sent` until no slot is busy, or None if that takes too long."""
    while model.busy_slots():
        if since(sent) > IDLE_WITHIN:
            return None
        pause(0.02)
    return since(sent)


def serve_on(children: list[Child]) -> None:
    """Serve until Ctrl-C. Raises DemoFailed if a server ends by itself."""
    try:
        while all(child.process.poll() is None for child in children):
            pause(0.5)
    except KeyboardInterrupt:
        screen.stopping()
        return
    ended = next(child for child in children if child.process.poll() is not None)
    raise DemoFailed(f"{ended.name} ended by itself. {ended.end_of_log()}")


def since(began: float) -> float:
    """Give the seconds that have passed since a moment of the monotonic clock."""
    return time.monotonic() - began
