"""What the demo draws: 80 columns are enough, colours and a moving bar come only in a terminal."""

import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from openai.types.evals.run_retrieve_response import ResultCounts, RunRetrieveResponse
from openai.types.evals.runs import OutputItemListResponse
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from demo.mail_eval import expected_answer
from demo.readings import answer_of, criterion_name

console = Console(highlight=False)
# Redirected into a narrow encoding, a bar may lose its look but must not end the demo.
if hasattr(sys.stdout, "reconfigure"):
    sys.stdout.reconfigure(errors="replace")
width = min(console.width, 100)

BAR = max(4, min(24, width - 50))
"""Columns of a bar; the words and gaps beside it take up to 50."""
EXPECTED_WIDTH = 20
GOT_WIDTH = 20
MAIL_WIDTH = width - 3 - EXPECTED_WIDTH - GOT_WIDTH - 8
"""What is left of a line by the row's number, the other columns and the gaps."""
LEAST_MAIL_WIDTH = 16
"""Below it a mail cannot be read, and its column is left out."""
PLAIN_STEP = 10
"""Rows between two lines of progress where there is no terminal."""


def title(rows: int) -> None:
    """Say what the demo is about."""
    console.print(
        "\n[bold]evald demo[/]", "- an eval on a small real model, without key or account"
    )
    console.print(
        f"The task: {rows} mails to a web shop. Which order is each about, and what does the "
        "customer want?\n",
        width=width,
    )


def started(name: str, what: str, seconds: float) -> None:
    """Say that a server is ready."""
    console.print(f"[green]ready[/] {name:<13}{what} [dim]({seconds:.1f} s)[/]", soft_wrap=True)


def taken(port: int) -> None:
    """Say why evald has another port than one expects."""
    console.print(f"      [dim]Port {port} is taken; evald has chosen another.[/]")


def step(text: str) -> None:
    """Head a part of the demo."""
    console.print()
    console.rule(f"[bold]{text}[/]", align="left", style="dim", characters="─")


def called(method: str, result: str) -> None:
    """Show a call of the SDK and the id that came back."""
    console.print(f"{method:<26}[dim]{result}[/]", soft_wrap=True)


@contextmanager
def progress(rows: int) -> Iterator[Callable[[ResultCounts], None]]:
    """Show how far a run is; gives the function to call with each new count."""
    if not console.is_terminal:
        yield plain_progress(rows)
        return
    columns = (
        BarColumn(BAR, complete_style="cyan"),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as drawn:
        bar = drawn.add_task(counts_line(rows, None), total=rows)

        def show(counts: ResultCounts) -> None:
            drawn.update(bar, completed=counts.total, description=counts_line(rows, counts))

        yield show


def plain_progress(rows: int) -> Callable[[ResultCounts], None]:
    """Give a function that prints a line after every tenth row and at the end."""
    printed = -1

    def show(counts: ResultCounts) -> None:
        nonlocal printed
        tens = rows if counts.total == rows else counts.total // PLAIN_STEP
        if tens != printed:
            printed = tens
            console.print(f"  {counts_line(rows, counts)}")

    return show


def counts_line(rows: int, counts: ResultCounts | None) -> str:
    """Give the counts of a run in one line of fixed width."""
    if counts is None:
        return f"{0:>3}/{rows} rows"
    outcomes = f"passed {counts.passed:>2}  failed {counts.failed:>2}  errored {counts.errored}"
    return f"{counts.total:>3}/{rows} rows   {outcomes}"


def result(run: RunRetrieveResponse, missed: Sequence[OutputItemListResponse], took: float) -> None:
    """Show a finished run: the rows that did not pass, then the numbers. `took` is in seconds."""
    if missed:
        console.print(f"\n[bold]The {len(missed)} rows that did not pass[/]")
        console.print(answers(missed))
    console.print("\n[bold]The result[/]")
    console.print(pass_rates(run))
    console.print()
    for use in run.per_model_usage:
        fact("model", use.run_model_name)
        tokens = f"{use.prompt_tokens:,} in, of which {use.cached_tokens:,} cached"
        fact("tokens", f"{tokens}; {use.completion_tokens:,} out")
    fact("time", f"{took:.1f} s, {run.result_counts.total / took:.1f} rows/s")
    fact("report", run.report_url)


def answers(items: Sequence[OutputItemListResponse]) -> Table:
    """Give a table of what was expected and what came, with the differing lines in red."""
    table = Table(box=None, padding=(0, 2, 0, 0), width=width, header_style="dim")
    table.add_column("row", justify="right", width=3)
    if MAIL_WIDTH >= LEAST_MAIL_WIDTH:
        table.add_column("mail", width=MAIL_WIDTH)
    table.add_column("expected", width=EXPECTED_WIDTH)
    table.add_column("got", width=GOT_WIDTH)
    for item in items:
        expected = expected_answer(item.datasource_item)
        got = marked(answer_of(item), expected)
        table.add_row(str(item.datasource_item_id), *opening(item), Text(expected), got)
    return table


def opening(item: OutputItemListResponse) -> list[Text]:
    """Give as much of a mail as fits into two lines of its column, or no cell if there is none."""
    if MAIL_WIDTH < LEAST_MAIL_WIDTH:
        return []
    mail = str(item.datasource_item["mail"])
    return [Text("\n".join(textwrap.wrap(mail, MAIL_WIDTH, max_lines=2, placeholder=" …")))]


def marked(answer: str, expected: str) -> Text:
    """Give an answer, red in the lines that are not as expected."""
    wanted = expected.split("\n")
    lines = [
        Text(line, style="" if [line] == wanted[place : place + 1] else "red")
        for place, line in enumerate(answer.split("\n"))
    ]
    return Text("\n").join(lines)


def pass_rates(run: RunRetrieveResponse) -> Table:
    """Give a table of shares: of the rows that passed, and of those that passed each criterion."""
    counts = run.result_counts
    table = Table.grid(padding=(0, 2))
    row = f"{counts.passed} passed, {counts.failed} failed"
    table.add_row("[bold]pass rate[/]", *share(counts.passed, counts.total), row)
    for each in run.per_testing_criteria_results:
        judged = each.passed + each.failed
        row = f"{each.passed} passed, {each.failed} failed"
        table.add_row(criterion_name(each.testing_criteria), *share(each.passed, judged), row)
    return table


def share(part: int, whole: int) -> tuple[str, str]:
    """Give a share as a percentage and as a bar."""
    value = part / whole if whole else 0.0
    full = round(value * BAR)
    return f"{value:4.0%}", f"[green]{'━' * full}[/][dim]{'─' * (BAR - full)}[/]"


def fact(name: str, value: str) -> None:
    """Show a named value on a line that the terminal may break but the demo does not."""
    console.print(f"{name:<15}", Text(value), soft_wrap=True)


@dataclass(frozen=True)
class CancelSeen:
    """What was measured at a cancel. Times in seconds from the sending of the request."""

    status: str
    answered_after: float
    calls_aborted: int | None
    """None where the server does not tell."""
    rows: int
    counted: int
    """Items in the result counts of the answer."""
    listed: int
    """Output items that the API lists afterwards."""
    busy_before: int
    slots: int
    idle_after: float | None
    """None when the model server was still busy at the end of the patience."""
    busy_later: int
    """Busy slots a second later."""
    counted_later: int

    def kept_its_promise(self) -> bool:
        """Say whether the run stopped at once, kept its finished items and began nothing more."""
        stopped = self.status == "canceled" and self.idle_after is not None and not self.busy_later
        return stopped and self.counted == self.listed == self.counted_later < self.rows


def cancel(seen: CancelSeen) -> None:
    """Show what a cancel did."""
    aborted = "not told" if seen.calls_aborted is None else str(seen.calls_aborted)
    idle = "STILL BUSY" if seen.idle_after is None else f"all idle after {ms(seen.idle_after)}"
    later = "idle" if seen.busy_later == 0 else f"{seen.busy_later} SLOTS BUSY"
    console.print()
    fact("answer", f"after {ms(seen.answered_after)}, status {seen.status}")
    fact("calls aborted", aborted)
    fact("items kept", f"{seen.counted} of {seen.rows} in the counts, {seen.listed} listed")
    fact("model server", f"{seen.busy_before} of {seen.slots} slots busy before, {idle}")
    fact("a second later", f"model server {later}, {seen.counted_later} items")


def ms(seconds: float) -> str:
    """Give a time in whole milliseconds."""
    return f"{seconds * 1000:.0f} ms"


def your_turn(url: str, run: RunRetrieveResponse) -> None:
    """Say what can be opened and tried while the demo serves on."""
    step("Your turn")
    fact("open", run.report_url)
    fact("try", f"curl {url}/v1/evals/{run.eval_id}/runs")
    fact("your program", f"base_url {url}/v1, any api_key")
    fact("read on", "docs/tutorial.md")
    console.print("\nServing until Ctrl-C.")


def stopping() -> None:
    """Say that the end has come."""
    console.print("\nStopping.")


def ended(folder: str) -> None:
    """Say what is left, and how to look at it again."""
    console.print(f"\nBoth servers have stopped; the data stays in {folder}/.")
    console.print(
        f"To open the report again: .venv/bin/evald serve --data-dir {folder}", soft_wrap=True
    )
