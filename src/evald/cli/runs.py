"""`evald runs`: runs of a running server, shown with what can be done next, and waited for."""

import shlex
import sys
import time
from dataclasses import dataclass
from itertools import islice
from typing import Final

import click

from evald.cli.run_texts import (
    HEADINGS,
    cells_of,
    lines_of,
    object_of,
    progress_of,
    table,
    total_of,
)
from evald.cli.running_server import RunningServer, ServerFailed
from evald.contract.json_types import JsonObject, JsonValue
from evald.rules import json_text

FINAL: Final = ("completed", "failed", "canceled")
DEFAULT_URL: Final = "http://127.0.0.1:8484"
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 1.0
"""Between two looks at a run; longer where its rows make each one slow."""
SHARE_OF_LOOKS: Final = 0.1
STOPPED: Final = 130


@dataclass(frozen=True)
class Asked:
    """Which run a command is about, and how its server is asked for it."""

    server: RunningServer
    eval_id: str
    run_id: str
    manners: tuple[str, ...]
    """The options that name the server, as far as they must be given again."""

    @classmethod
    def of(
        cls, eval_id: str, run_id: str, url: str, project: str | None, api_key: str | None
    ) -> "Asked":
        """Give what the arguments and the options of a command say. Raises ServerFailed."""
        manners: list[str] = [] if url == DEFAULT_URL else ["--url", url]
        manners += ["--project", project] if project else []
        return cls(RunningServer.at(url, api_key, project), eval_id, run_id, tuple(manners))

    @property
    def path(self) -> tuple[str, ...]:
        """Where the run is, below `/v1`."""
        return "evals", self.eval_id, "runs", self.run_id

    def command(self, verb: str, *more: str) -> str:
        """Give a command about this run, ready to be pasted into a shell."""
        return shlex.join(["evald", "runs", verb, self.eval_id, self.run_id, *more, *self.manners])


def list_runs(
    eval_id: str, status: str | None, limit: int, url: str, project: str | None, api_key: str | None
) -> int:
    """Print a table of the newest runs of an eval. Raises ServerFailed."""
    server = RunningServer.at(url, api_key, project)
    query: dict[str, str | int] = {"order": "desc", "limit": min(limit, 20)}
    query |= {"status": status} if status else {}
    found = islice(server.objects("evals", eval_id, "runs", **query), limit)
    rows = [tuple(map(server.safe, cells_of(run))) for run in found]
    if not rows:
        click.echo(f"The eval has no {status + ' ' if status else ''}runs.", err=True)
        return 0
    for line in table([HEADINGS, *rows]):
        click.echo(line)
    return 0


def show_run(*, wait: bool, **which: str) -> int:
    """Show a run, with `wait` when it has ended, and give the exit status. Raises ServerFailed."""
    asked = Asked.of(**which)
    run = asked.server.get(*asked.path)
    if wait:
        return _shown_at_the_end(asked, run)
    _show(asked, run)
    return 0


def cancel_run(**which: str) -> int:
    """Cancel a run and show it. Raises ServerFailed."""
    asked = Asked.of(**which)
    run = asked.server.post({}, *asked.path, "cancel")
    if run.get("status") != "canceled":
        click.echo(
            f"There was nothing to cancel: the run is {asked.server.safe(run.get('status'))}."
        )
    _show(asked, run)
    return 0


def resume_run(*, retry: str | None, wait: bool, **which: str) -> int:
    """Have a run go on, show it, and give the exit status. Raises ServerFailed."""
    asked = Asked.of(**which)
    run = asked.server.post({} if retry is None else {"retry": retry}, *asked.path, "resume")
    if wait:
        return _shown_at_the_end(asked, run)
    if run.get("status") == "completed":
        click.echo("There was nothing left to do: the run is completed.")
    _show(asked, run)
    return 0


def regrade_run(
    criteria: bytes | None, *, in_eval: str | None, name: str | None, wait: bool, **which: str
) -> int:
    """Have the samples of a run graded again, show the new run, and give the exit status.

    Raises ServerFailed.
    """
    asked = Asked.of(**which)
    body: JsonObject = {"eval_id": in_eval} if criteria is None else {}
    if criteria is not None:
        body["testing_criteria"] = _criteria_in(criteria)
    if name is not None:
        body["name"] = name
    run = asked.server.post(body, *asked.path, "regrade")
    made = Asked(asked.server, str(run.get("eval_id")), str(run.get("id")), asked.manners)
    if wait:
        return _shown_at_the_end(made, run)
    _show(made, run)
    return 0


def _criteria_in(text: bytes) -> JsonValue:
    try:
        return json_text.parse(text)
    except json_text.BadJson as error:
        raise ServerFailed(f"The file of criteria is no JSON: {error}.") from None


def _shown_at_the_end(asked: Asked, run: JsonObject) -> int:
    """Wait for the end of a run, show it, and give the exit status: 0 for a completed one."""
    try:
        run = _ended(asked, run)
    except KeyboardInterrupt:
        click.echo("Stopped waiting. The run goes on; cancel it with:", err=True)
        click.echo(f"  {asked.command('cancel')}", err=True)
        return STOPPED
    _show(asked, run)
    return 0 if run.get("status") == "completed" else 1


def _ended(asked: Asked, run: JsonObject) -> JsonObject:
    is_terminal = sys.stderr.isatty()
    began, first, pause = time.monotonic(), total_of(run), FIRST_PAUSE_S
    try:
        while run.get("status") not in FINAL:
            if is_terminal:
                speed = (total_of(run) - first) / max(time.monotonic() - began, FIRST_PAUSE_S)
                click.echo(f"\r\x1b[K{progress_of(run, speed)}", nl=False, err=True)
            time.sleep(pause)
            looked = time.monotonic()
            run = asked.server.get(*asked.path)
            took = time.monotonic() - looked
            pause = max(min(2 * pause, LONGEST_PAUSE_S), took / SHARE_OF_LOOKS)
    finally:
        if is_terminal:
            click.echo("\r\x1b[K", nl=False, err=True)
    return run


def _show(asked: Asked, run: JsonObject) -> None:
    for name, text in lines_of(run):
        click.echo(f"{name:<10}{asked.server.safe(text)}".rstrip())
    advice = _advice(asked, run)
    if advice:
        click.echo()
    for words, command in advice:
        click.echo(f"{words}:")
        click.echo(f"  {command}")


def _advice(asked: Asked, run: JsonObject) -> list[tuple[str, str]]:
    """Give what can be done next with a run, each as words and a command."""
    status, extras = run.get("status"), object_of(run.get("evald"))
    if "imported" in extras:
        return [("Its samples can be graded again", asked.command("regrade", "--criteria", "FILE"))]
    if status not in FINAL:
        return [
            ("Wait for its end", asked.command("show", "--wait")),
            ("Or stop it", asked.command("cancel")),
        ]
    rows, counts = extras.get("rows"), object_of(run.get("result_counts"))
    advice = []
    is_whole = isinstance(rows, int) and total_of(run) == rows
    if status != "completed" and not is_whole and _may_go_on(run):
        advice.append(("Have it go on", asked.command("resume", "--wait")))
    if counts.get("errored"):
        command = asked.command("resume", "--retry", "errored", "--wait")
        advice.append(("Redo its errored rows", command))
    return advice


def _may_go_on(run: JsonObject) -> bool:
    """Say whether a resume of a failed run is worth a try: wrong rows stay wrong."""
    code = object_of(run.get("error")).get("code")
    return code not in ("invalid_rows", "unusable_item_schema")
