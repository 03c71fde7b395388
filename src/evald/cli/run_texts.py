"""What a terminal shows of a run of the API."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from evald.contract.json_types import JsonObject, JsonValue

COUNTS: Final = ("passed", "failed", "errored")
HEADINGS: Final = ("ID", "STATUS", "ITEMS", "PASSED", "FAILED", "ERRORED", "CREATED", "NAME")
UUID_BEHIND: Final = re.compile(r"-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


def lines_of(run: JsonObject) -> list[tuple[str, str]]:
    """Give what there is to say of a run, each with its heading."""
    extras, status = object_of(run.get("evald")), str(run.get("status"))
    ended = f", {_moment(extras.get('finished_at'))}" if extras.get("finished_at") else ""
    lines = [
        ("run", str(run.get("id"))),
        ("name", str(run.get("name"))),
        ("eval", str(run.get("eval_id"))),
        ("status", f"{status.replace('_', ' ')}{ended}"),
        ("model", str(run.get("model") or "none")),
        ("items", f"{_of_rows(run)}: {_counts(object_of(run.get('result_counts')))}"),
    ]
    lines += [
        ("", f"{_name_in(each.get('testing_criteria'))}: {_counts(each)}")
        for each in map(object_of, _list(run.get("per_testing_criteria_results")))
    ]
    if (seconds := _seconds(extras)) is not None:
        times = object_of(extras.get("resumed")).get("times")
        again = (
            "" if times is None else ", resumed once" if times == 1 else f", resumed {times} times"
        )
        lines.append(("time", f"{_duration(seconds)}{again}"))
    if source := object_of(extras.get("regrade_of")):
        lines.append(("samples", f"of {source.get('run_id')} in {source.get('eval_id')}"))
    if error := object_of(run.get("error")):
        lines.append(("error", f"{error.get('code')}: {error.get('message')}"))
    lines.append(("report", str(run.get("report_url"))))
    return lines


def progress_of(run: JsonObject, speed: float) -> str:
    """Give one line on a run that goes on; `speed` is in items a second."""
    rows, total = object_of(run.get("evald")).get("rows"), total_of(run)
    if run.get("status") == "queued":
        return "waiting to start"
    if not isinstance(rows, int):
        return "reading rows"
    line = f"{_of_rows(run)}: {_counts(object_of(run.get('result_counts')))}"
    if speed <= 0:
        return line
    left = (rows - total) / speed
    return f"{line}, {speed:,.1f} items/s, about {_duration(left)} left"


def cells_of(run: JsonObject) -> tuple[str, ...]:
    """Give the line of a run in a table, below HEADINGS."""
    counts = object_of(run.get("result_counts"))
    cells = (
        run.get("id"),
        run.get("status"),
        counts.get("total", 0),
        *(counts.get(name, 0) for name in COUNTS),
        _moment(run.get("created_at")),
        run.get("name"),
    )
    return tuple(str(each) for each in cells)


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Give the lines of a table, its columns as wide as they must be."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _name_in(criterion_id: JsonValue) -> str:
    """Give the name of a criterion without the uuid that is behind it in its id."""
    return UUID_BEHIND.sub("", str(criterion_id))


def _of_rows(run: JsonObject) -> str:
    rows, total = object_of(run.get("evald")).get("rows"), total_of(run)
    return f"{total:,} of {rows:,}" if isinstance(rows, int) else f"{total:,}"


def _counts(counts: JsonObject) -> str:
    return ", ".join(f"{_count(counts.get(name)):,} {name}" for name in COUNTS)


def total_of(run: JsonObject) -> int:
    """Give the number of output items that a run has."""
    return _count(object_of(run.get("result_counts")).get("total"))


def _seconds(extras: JsonObject) -> float | None:
    """Give for how long a run was carried out, or None while that is not known."""
    started, finished = extras.get("started_at"), extras.get("finished_at")
    if not isinstance(started, int | float) or not isinstance(finished, int | float):
        return None
    before = object_of(extras.get("resumed")).get("seconds_before")
    return finished - started + (before if isinstance(before, int | float) else 0)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _moment(value: JsonValue) -> str:
    if not isinstance(value, int | float):
        return "-"
    return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _count(value: JsonValue) -> int:
    return value if isinstance(value, int) else 0


def object_of(value: JsonValue) -> JsonObject:
    """Give the object, or an empty one."""
    return value if isinstance(value, dict) else {}


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []
