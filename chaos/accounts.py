"""Which calls were made again, and which blow is the reason of each: pure rules."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from tests.model_server.ledger import CallRecord

USUALLY_SAVED_S: Final = 0.5
"""Seconds after which an item is saved, when nothing hangs."""
IN_THE_WAY_S: Final = 2.0
"""Seconds for which a process that hangs keeps the saves of others waiting, at most: its locks are taken
from it after one, and what that cut off is begun again within the next."""


@dataclass(frozen=True)
class Blow:
    """Something that was done to a machine, and the time in which it may have lost work by it.

    Times are time.monotonic() seconds.
    """

    kind: str
    machine: str | None
    """None is a blow to all."""
    began_at: float
    ended_at: float
    ends_the_process: bool = False

    def finds_in_flight(self, call: CallRecord) -> bool:
        """Say whether a call was in flight at the moment of the blow."""
        return (
            self.machine in (None, call.caller)
            and call.began_at <= self.began_at
            and (call.ended_at is None or call.ended_at >= self.began_at)
        )


@dataclass(frozen=True)
class Account:
    """What one blow cost."""

    blow: Blow
    in_flight: int
    """Calls of the machine that were in flight when it fell."""
    again: int
    """Of these and of those begun during the blow, the ones that were made again."""
    unsaved_again: int
    """Calls that were finished when it fell, and were made again since no item was saved."""
    longest_unsaved_s: float
    """Seconds between the end of such a call and the blow, at most."""


@dataclass(frozen=True)
class Accounts:
    """What all blows cost."""

    of_blows: Sequence[Account]
    unexplained: Sequence[str]
    """Calls that were made again although nothing had happened to the first one."""


def accounts(calls: Iterable[CallRecord], blows: Sequence[Blow], unsaved_s: float) -> Accounts:
    """Give each call that was made again to a blow that hit it.

    A finished call counts as unsaved for at most `unsaved_s` seconds, beside those in which some process
    had hung for less than IN_THE_WAY_S. Of the calls of a row one made its item; it is one that no blow
    hit, or else the last.
    """
    calls = list(calls)
    hit = Hits(blows, unsaved_s)
    repeated: dict[Blow, list[CallRecord]] = {blow: [] for blow in blows}
    unexplained: list[str] = []
    for same in _by_message(calls):
        reasons = [(call, hit.reason(call)) for call in same]
        unhit = [call for call, blow in reasons if blow is None]
        unexplained += [_told(call, blows) for call in unhit[:-1]]
        lost = [(call, blow) for call, blow in reasons if blow is not None]
        for call, blow in lost if unhit else lost[:-1]:
            repeated[blow].append(call)
    return Accounts([_account(blow, repeated[blow], calls) for blow in blows], unexplained)


def _by_message(calls: Iterable[CallRecord]) -> Iterable[list[CallRecord]]:
    by_message: dict[str, list[CallRecord]] = {}
    for call in sorted(calls, key=attrgetter("began_at")):
        by_message.setdefault(call.message, []).append(call)
    return (same for same in by_message.values() if len(same) > 1)


class Hits:
    """Says which blow cost a call."""

    def __init__(self, blows: Sequence[Blow], unsaved_s: float) -> None:
        """Look for it among these."""
        self._blows = blows
        self._unsaved_s = unsaved_s
        self._held_up = _joined(
            (blow.began_at, min(blow.ended_at, blow.began_at + IN_THE_WAY_S))
            for blow in blows
            if not blow.ends_the_process
        )

    def reason(self, call: CallRecord) -> Blow | None:
        """Give the blow that cost a call: the first one after its end, or the last one before.

        A hang costs only what no end of the process within USUALLY_SAVED_S more explains.
        """
        return min(
            (blow for blow in self._blows if self._is_hit(call, blow)),
            key=lambda blow: (
                _unsaved_s(call, blow) + (0 if blow.ends_the_process else USUALLY_SAVED_S),
                -blow.began_at,
            ),
            default=None,
        )

    def _is_hit(self, call: CallRecord, blow: Blow) -> bool:
        """Say whether a call was in flight or not yet saved when a blow fell."""
        if blow.machine not in (None, call.caller) or call.began_at > blow.ended_at:
            return False
        if call.ended_at is None or call.ended_at >= blow.began_at:
            return True
        if call.aborted:
            return False
        return self._free_s(call.ended_at, blow.began_at) <= self._unsaved_s

    def _free_s(self, since: float, until: float) -> float:
        """Give the seconds between two moments in which saves were not held up."""
        held_up = sum(
            max(0.0, min(until, ended_at) - max(since, began_at))
            for began_at, ended_at in self._held_up
        )
        return until - since - held_up


def _joined(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Join the spans of time that overlap."""
    joined: list[tuple[float, float]] = []
    for began_at, ended_at in sorted(spans):
        if joined and began_at <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], ended_at))
        else:
            joined.append((began_at, ended_at))
    return joined


def _account(blow: Blow, again: Sequence[CallRecord], calls: Iterable[CallRecord]) -> Account:
    before = [wait for call in again if (wait := _unsaved_s(call, blow))]
    return Account(
        blow,
        in_flight=sum(blow.finds_in_flight(call) for call in calls),
        again=len(again) - len(before),
        unsaved_again=len(before),
        longest_unsaved_s=max(before, default=0.0),
    )


def _unsaved_s(call: CallRecord, blow: Blow) -> float:
    """Give the seconds for which a call was finished when the blow fell, 0 if it was not."""
    return 0.0 if call.ended_at is None else max(0.0, blow.began_at - call.ended_at)


def _told(call: CallRecord, blows: Sequence[Blow]) -> str:
    own = [blow.began_at for blow in blows if blow.machine in (None, call.caller)]
    nearest = min((abs(at - call.began_at) for at in own), default=float("inf"))
    end = "in flight" if call.ended_at is None else f"{call.ended_at - call.began_at:.3f} s"
    how = "aborted" if call.aborted else "finished"
    return (
        f"'{call.message}' of {call.caller} ({end}, {how}) was made again; "
        f"the nearest blow to it is {nearest:.1f} s away"
    )


def calls_by_row(calls: Iterable[CallRecord]) -> Counter[int]:
    """Give how many rows were asked for how often."""
    return Counter(Counter(call.message for call in calls).values())
