"""The page on which a reader chooses runs to compare."""

from collections.abc import Sequence

from evald.dashboard.addresses import CompareAddresses, evals_address
from evald.dashboard.eval_page import RunRow, run_row
from evald.dashboard.frame import Frame
from evald.dashboard.names import name_of
from evald.dashboard.reading import ApiObject, text_of
from evald.dashboard.rendering import render
from evald.reports.comparing import MOST_RUNS


def render_choice(
    *,
    eval_object: ApiObject,
    runs: Sequence[ApiObject],
    chosen: Sequence[str],
    frame: Frame,
    next_after: str | None,
    now: float,
) -> str:
    """Give the list of an eval's runs with a box for each; those that are chosen have a tick."""
    addresses = CompareAddresses(text_of(eval_object.get("id")), chosen, frame.root)
    listed = [text_of(run.get("id")) for run in runs]
    rows: list[tuple[str, RunRow]] = [
        (text_of(run.get("id")), run_row(frame.root, addresses.eval_id, run, now)) for run in runs
    ]
    older = addresses.compare(after=next_after) if next_after else None
    return render(
        "compare_choice.html",
        frame,
        eval_name=name_of(eval_object),
        evals_address=evals_address(frame.root),
        addresses=addresses,
        rows=rows,
        chosen=chosen,
        elsewhere=[run_id for run_id in chosen if run_id not in listed],
        most=MOST_RUNS,
        older_address=older,
    )
