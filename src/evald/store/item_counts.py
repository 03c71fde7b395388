"""The statements that count items of a run by their rounded numbers and by their reasons."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Executable, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.rules.bins import bin_of
from evald.rules.item_reasons import ItemReason
from evald.store.index_tables import run_bins, run_reasons

MOST_REASONS: Final = 500
"""Reasons that a run may have; what comes then counts under a plainer one."""

Facts = Mapping[str, Any]
"""A row of `item_facts`."""


def score_rows(rows: Sequence[Facts]) -> list[dict[str, Any]]:
    """Give the rows of `item_scores` that go with these facts."""
    return [
        {"run_seq": row["run_seq"], "criterion": place, "score": score, "key": row["key"]}
        for row in rows
        for place, score in enumerate(orjson.loads(row["scores"]))
        if score is not None
    ]


def bins_of(rows: Sequence[Facts]) -> Counter[tuple[str, int, float]]:
    """Count what these facts are in the bins."""
    found = Counter[tuple[str, int, float]]()
    for row in rows:
        for kind, value in (("latency", row["latency_ms"]), ("tokens", row["tokens"])):
            if value is not None:
                found[kind, 0, bin_of(value)] += 1
    for score in score_rows(rows):
        found["score", score["criterion"], bin_of(score["score"])] += 1
    return found


async def add_to_bins(
    connection: AsyncConnection, run_seq: int, bins: Mapping[tuple[str, int, float], int]
) -> None:
    """Add so many to the bins of a run."""
    if not bins:
        return
    rows = [
        {"run_seq": run_seq, "kind": kind, "criterion": criterion, "bin": each, "count": count}
        # In one order, so that two transactions never wait for one another.
        for (kind, criterion, each), count in sorted(bins.items())
    ]
    await connection.execute(_ADD_TO_BINS[connection.dialect.name], rows)


def _add_to(dialect: Any) -> Executable:
    new = dialect.insert(run_bins)
    added: Executable = new.on_conflict_do_update(
        index_elements=["run_seq", "kind", "criterion", "bin"],
        set_={"count": run_bins.c["count"] + new.excluded["count"]},
    )
    return added


_ADD_TO_BINS = {"sqlite": _add_to(sqlite), "postgresql": _add_to(postgresql)}


@dataclass(frozen=True, slots=True)
class CountedReason:
    """The reason that an item counts under in its run."""

    number: int
    key: str


async def count_reasons(
    connection: AsyncConnection, run_seq: int, reasons: Sequence[ItemReason | None]
) -> list[CountedReason | None]:
    """Count reasons, and give under which one each counts."""
    known = await _known_reasons(connection, run_seq, [each for each in reasons if each])
    found = await connection.execute(
        select(func.count(), func.max(run_reasons.c.number)).where(run_reasons.c.run_seq == run_seq)
    )
    number, last = found.one()
    counted: list[CountedReason | None] = []
    new: dict[str, ItemReason] = {}
    for found_reason in reasons:
        reason = found_reason
        if reason is not None and reason.key not in known and number + len(new) >= MOST_REASONS:
            reason = reason.plain or reason
        if reason is not None and reason.key not in known:
            known[reason.key] = (last or 0) + len(new) + 1
            new[reason.key] = reason
        counted.append(None if reason is None else CountedReason(known[reason.key], reason.key))
    counts = Counter(each.key for each in counted if each is not None)
    await _write_reasons(connection, run_seq, known, new, counts)
    return counted


async def _known_reasons(
    connection: AsyncConnection, run_seq: int, reasons: Sequence[ItemReason]
) -> dict[str, int]:
    keys = {each.key for each in reasons} | {each.plain.key for each in reasons if each.plain}
    if not keys:
        return {}
    found = await connection.execute(
        select(run_reasons.c.key, run_reasons.c.number).where(
            run_reasons.c.run_seq == run_seq, run_reasons.c.key.in_(keys)
        )
    )
    return {row.key: row.number for row in found}


async def _write_reasons(
    connection: AsyncConnection,
    run_seq: int,
    numbers: Mapping[str, int],
    new: Mapping[str, ItemReason],
    counts: Counter[str],
) -> None:
    if new:
        rows = [
            {
                "run_seq": run_seq,
                "number": numbers[key],
                "key": key,
                "label": each.label,
                "status": each.status,
                "criterion": each.criterion,
                "count": counts[key],
            }
            for key, each in new.items()
        ]
        await connection.execute(insert(run_reasons), rows)
    again = [
        {"of_run": run_seq, "of_number": numbers[key], "more": count}
        for key, count in sorted(counts.items())
        if key not in new
    ]
    if again:
        await connection.execute(_COUNT_AGAIN, again)


_COUNT_AGAIN = (
    update(run_reasons)
    .where(
        run_reasons.c.run_seq == bindparam("of_run"), run_reasons.c.number == bindparam("of_number")
    )
    .values({"count": run_reasons.c["count"] + bindparam("more")})
)


async def take_from_bins(
    connection: AsyncConnection, run_seq: int, bins: Mapping[tuple[str, int, float], int]
) -> None:
    """Take so many from the bins of a run."""
    await add_to_bins(connection, run_seq, {of: -count for of, count in bins.items()})
    await connection.execute(
        delete(run_bins).where(run_bins.c.run_seq == run_seq, run_bins.c["count"] <= 0)
    )


async def take_from_reasons(
    connection: AsyncConnection, run_seq: int, numbers: Iterable[int]
) -> None:
    """Take items out of the counts of their reasons."""
    less = [
        {"of_run": run_seq, "of_number": number, "more": -count}
        for number, count in sorted(Counter(numbers).items())
    ]
    if less:
        await connection.execute(_COUNT_AGAIN, less)
        await connection.execute(
            delete(run_reasons).where(run_reasons.c.run_seq == run_seq, run_reasons.c["count"] <= 0)
        )
