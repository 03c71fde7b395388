"""How processes share the places of a provider, so that together they never hold more than its limit.

Each process changes its own share alone, at a beat: it sees what the others want and have, and takes
what is fair as far as it is free. A share goes down only as calls under way end. Whoever was not seen
for a while is gone, and its share is free.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

FRESH: Final = 5.0
"""Seconds after which a process that was not seen is gone, and others take its share."""
CONTACT: Final = 1.5
"""Seconds after which a process that could not say that it is there begins nothing more."""
TURN: Final = 1.0
"""Seconds for which a process keeps a place that the others want as much, before it goes round."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one process wants of a provider and has. Times are the database's, in seconds."""

    process_id: str
    limit: int
    """The provider's limit as this process knows it; the lowest of all holds for all."""
    wanted: int
    """Its calls under way and those that wait."""
    granted: int
    """The calls that it may have under way; nobody else counts on these places."""
    turn_at: float = 0.0
    """When it last got a place that goes round."""

    @property
    def is_short(self) -> bool:
        """Whether it wants more than it has."""
        return self.wanted > self.granted


@dataclass(frozen=True, slots=True)
class Beat:
    """What a process does at a beat."""

    share: Share
    """Its share from now on."""
    limit: int
    """Calls up to which it may begin new ones: less than the share while calls beyond it end."""


def next_beat(own: Share, others: Sequence[Share], under_way: int, now: float) -> Beat:
    """Give a process's next share. `own` has what it wants now and what it was granted last."""
    every = [own, *others]
    limit = min(share.limit for share in every)
    room = max(0, limit - sum(other.granted for other in others))
    target, level = _target(own, every, limit, now)
    allowed = min(target, room)
    granted = min(max(allowed, under_way), room)
    begins_turn = granted > level >= own.granted
    turn_at = now if begins_turn else own.turn_at
    share = Share(own.process_id, own.limit, own.wanted, granted, turn_at)
    return Beat(share, allowed)


def _target(own: Share, every: Sequence[Share], limit: int, now: float) -> tuple[int, int]:
    """Give what is fair for a process, and the level up to which all are served alike.

    Max-min fair: who wants little gets it, the others the same each. What does not divide goes round
    among them; what nobody wants is spread over all, so that a call finds a place there.
    """
    left, ordered = limit, sorted(every, key=lambda share: share.wanted)
    for served, share in enumerate(ordered):
        level, rest = divmod(left, len(ordered) - served)
        if share.wanted > level:
            if own.wanted <= level:
                return own.wanted, level
            in_turn = sorted(ordered[served:], key=lambda each: _turn(each, level, now))
            return level + (in_turn.index(own) < rest), level
        left -= share.wanted
    spread, rest = divmod(left, len(every))
    by_name = sorted(share.process_id for share in every)
    return own.wanted + spread + (by_name.index(own.process_id) < rest), limit


def _turn(share: Share, level: int, now: float) -> tuple[int, float, str]:
    """Order those between whom places go round.

    First who has just got one, then those without by the time since they had one, then those whose turn
    is over: of them the last, so that a place that is not asked for back stays where it is.
    """
    has_one = share.granted > level
    if has_one and now - share.turn_at < TURN:
        return 0, share.turn_at, share.process_id
    return (
        (2, -share.turn_at, share.process_id) if has_one else (1, share.turn_at, share.process_id)
    )
