"""What was seen of runs over time, held against what may be seen: pure rules, no clock and no server.

Two requests that overlap may have been answered in either order. So an answer is held only against
those that were there before it was asked for.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Final

from tests.model_server.ledger import CallRecord

LATER: Final[Mapping[str, frozenset[str]]] = {
    "queued": frozenset({"queued", "in_progress", "completed", "failed", "canceled"}),
    "in_progress": frozenset({"in_progress", "completed", "failed", "canceled"}),
    "completed": frozenset({"completed"}),
    "failed": frozenset({"failed"}),
    "canceled": frozenset({"canceled"}),
}
"""The statuses that may be seen after one was seen."""

Counts = tuple[int, int, int, int]
"""Total, passed, failed, errored."""


@dataclass(frozen=True)
class Seen:
    """A run as one answer showed it. Times are time.monotonic() seconds of the one who asked."""

    run_id: str
    asked_at: float
    answered_at: float
    status: str
    counts: Counts


@dataclass(frozen=True)
class Resumed:
    """A resume that was answered: what was seen before it says nothing on what comes after it."""

    run_id: str
    asked_at: float
    answered_at: float


def wrongs(seen: Iterable[Seen], resumes: Iterable[Resumed] = ()) -> list[str]:
    """Give in words all that cannot be, however the requests were answered in between."""
    resumes = list(resumes)
    found = [
        words
        for run_id, answers in _by_run(seen).items()
        for part in _parts(answers, [each for each in resumes if each.run_id == run_id])
        for words in _wrongs_of_part(part)
    ]
    return found


def _by_run(seen: Iterable[Seen]) -> dict[str, list[Seen]]:
    by_run: dict[str, list[Seen]] = {}
    for each in seen:
        by_run.setdefault(each.run_id, []).append(each)
    return by_run


def _parts(answers: Sequence[Seen], resumes: Sequence[Resumed]) -> Iterator[list[Seen]]:
    """Give the answers between two resumes; one that overlaps a resume may belong to either side."""
    since = float("-inf")
    for resume in sorted(resumes, key=attrgetter("asked_at")):
        yield [
            each
            for each in answers
            if each.asked_at >= since and each.answered_at <= resume.asked_at
        ]
        since = resume.answered_at
    yield [each for each in answers if each.asked_at >= since]


def _wrongs_of_part(answers: Sequence[Seen]) -> Iterator[str]:
    coming = sorted(answers, key=attrgetter("answered_at"))
    known = 0
    past: Seen | None = None
    for each in sorted(answers, key=attrgetter("asked_at")):
        while coming[known].answered_at <= each.asked_at and coming[known] is not each:
            past = coming[known] if past is None else _furthest(past, coming[known])
            known += 1
        if past is not None:
            yield from _wrongs_after(past, each)
        if each.counts[0] != sum(each.counts[1:]):
            yield f"{_told(each)}: the total is not the sum"


def _furthest(one: Seen, other: Seen) -> Seen:
    """Join what two answers say of the least that must be seen from now on."""
    status = other.status if other.status in LATER[one.status] else one.status
    total, passed, failed, errored = map(max, zip(one.counts, other.counts, strict=True))
    return replace(other, status=status, counts=(total, passed, failed, errored))


def _wrongs_after(past: Seen, now: Seen) -> Iterator[str]:
    if now.status not in LATER[past.status]:
        yield f"{_told(now)}: was seen as {past.status} before"
    elif len(LATER[past.status]) == 1 and now.counts != past.counts:
        yield f"{_told(now)}: was {past.status} before with {past.counts}"
    if any(number < known for number, known in zip(now.counts, past.counts, strict=True)):
        yield f"{_told(now)}: {past.counts} were counted before"


def _told(seen: Seen) -> str:
    return f"{seen.run_id} at {seen.answered_at:.3f}, {seen.status} with {seen.counts}"


def late_calls(
    calls: Iterable[CallRecord], canceled_at: Mapping[str, float], bound_s: float
) -> list[str]:
    """Give in words the calls that began too long after the cancel of their run was answered.

    `canceled_at` has the moment of each answer by the first word of the messages of its run. The
    model server and the one who asked must be on one machine, whose clock both tell.
    """
    found = []
    for call in calls:
        answered = canceled_at.get(call.message.partition(" ")[0])
        if answered is not None and call.began_at > answered + bound_s:
            late_ms = (call.began_at - answered) * 1000
            found.append(
                f"'{call.message}' of {call.caller} began {late_ms:.0f} ms after the cancel"
            )
    return found


def lost(acknowledged: Iterable[str], there: Collection[str]) -> list[str]:
    """Give in words what was acknowledged and is not there."""
    return [f"{each} was acknowledged and is gone" for each in acknowledged if each not in there]
