"""What came of it, as tables of text."""

from collections.abc import Iterable, Sequence
from statistics import median

from chaos.accounts import Account
from chaos.long_run import Order, Outcome

HEAD = (
    "blow",
    "times",
    "in flight, median",
    "worst",
    "made again, median",
    "worst",
    "all",
    "finished, unsaved",
    "worst",
    "longest unsaved ms",
)


def told(order: Order, outcome: Outcome) -> str:
    """Give the whole outcome of a long run."""
    by_calls = sorted(outcome.rows_by_calls.items())
    lines = [
        "",
        table([HEAD, *(_line(kind, each) for kind, each in _by_kind(outcome.accounts.of_blows))]),
        "",
        "rows asked for once, twice, ...: "
        + ", ".join(f"{rows:,} rows {calls} times" for calls, rows in by_calls),
        f"{outcome.reads:,} answers seen, {outcome.neighbours} other runs meanwhile, "
        f"{outcome.failed_starts} starts that failed, {outcome.seconds:.0f} s, seed {order.seed}",
    ]
    if outcome.tracebacks:
        lines.append(f"tracebacks in the logs of {', '.join(outcome.tracebacks)}")
    lines += [f"WRONG: {each}" for each in outcome.wrongs[:50]]
    if len(outcome.wrongs) > 50:
        lines.append(f"WRONG: ... {len(outcome.wrongs)} in all")
    lines.append("" if outcome.wrongs else "Every promise was kept.")
    return "\n".join(lines)


def _by_kind(accounts: Iterable[Account]) -> list[tuple[str, list[Account]]]:
    kinds: dict[str, list[Account]] = {}
    for each in accounts:
        kinds.setdefault(each.blow.kind, []).append(each)
    return sorted(kinds.items())


def _line(kind: str, accounts: Sequence[Account]) -> Sequence[str]:
    in_flight = [each.in_flight for each in accounts]
    again = [each.again for each in accounts]
    unsaved = [each.unsaved_again for each in accounts]
    longest = max(each.longest_unsaved_s for each in accounts)
    return (
        kind,
        f"{len(accounts)}",
        f"{median(in_flight):.0f}",
        f"{max(in_flight)}",
        f"{median(again):.0f}",
        f"{max(again)}",
        f"{sum(again)}",
        f"{sum(unsaved)}",
        f"{max(unsaved)}",
        f"{longest * 1000:.0f}",
    )


def table(lines: Sequence[Sequence[str]]) -> str:
    """Give lines of cells as Markdown."""
    rule = ["---"] + ["---:"] * (len(lines[0]) - 1)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (lines[0], rule, *lines[1:]))
