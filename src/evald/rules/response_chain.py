"""What was said before a stored response: the way back to it, and all of it joined (pure)."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Final

import orjson

from evald.contract.json_types import JsonObject
from evald.contract.stored_responses import Chain, Gap, GapReason, Turn

MOST_TURNS: Final = 5_000
"""Responses of a chain, the last one too; what was said before them is not told."""
LONGEST_PAST: Final = 8 * 1024 * 1024
"""Characters of what was said before a response; what was said before those is not told."""


@dataclass(frozen=True, slots=True)
class Link:
    """A stored response without its texts."""

    seq: int
    id: str
    previous_id: str | None
    size: int
    """Characters of its texts."""


@dataclass(frozen=True, slots=True)
class Way:
    """The way back from a response."""

    links: tuple[Link, ...]
    """The response itself first."""
    gap: Gap | None


def way_back(last: Link, links: Mapping[str, Link], deleted: Set[str]) -> Way:
    """Give the way back from a response: to the first of all, to a gap, or to a limit.

    `links` are by their ids and hold all that is stored of the MOST_TURNS before it.
    """
    way, seen, past = [last], {last.id}, 0
    while (previous_id := way[-1].previous_id) is not None:
        if previous_id in seen:  # only an import can bring such
            return Way(tuple(way), Gap(previous_id, "loop"))
        if len(way) == MOST_TURNS:
            return Way(tuple(way), Gap(previous_id, "too_long"))
        if previous_id not in links:
            reason: GapReason = "deleted" if previous_id in deleted else "not_stored"
            return Way(tuple(way), Gap(previous_id, reason))
        past += links[previous_id].size
        if past > LONGEST_PAST:
            return Way(tuple(way), Gap(previous_id, "too_long"))
        way.append(links[previous_id])
        seen.add(previous_id)
    return Way(tuple(way), None)


def input_of(chain: Chain) -> list[tuple[str, JsonObject]]:
    """Give the input items that the last response of a chain answered, each with a spare id.

    What was sent with a response and what it said come before what was sent with the next; what the
    model thought is no part of it. A spare id names the response by which its item came, so that it
    stays the same when an earlier response is deleted.
    """
    *before, last = chain.turns
    items = [item for turn in before for item in _named(turn.id, [*_sent(turn), *_spoken(turn)])]
    return items + _named(last.id, _sent(last))


def _named(response_id: str, items: list[JsonObject]) -> list[tuple[str, JsonObject]]:
    return [(f"{response_id}-{place}", item) for place, item in enumerate(items)]


def _sent(turn: Turn) -> list[JsonObject]:
    items: list[JsonObject] = orjson.loads(turn.input)
    return items


def _spoken(turn: Turn) -> list[JsonObject]:
    said = orjson.loads(turn.body)["output"]
    return [item for item in said if isinstance(item, dict) and item.get("type") != "reasoning"]
