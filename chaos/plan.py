"""What will be done to a cluster, and when: made from a seed before anything happens."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, Literal

Kind = Literal["kill", "stop", "pause", "cut", "silence", "Postgres"]

ON_SQLITE: Final[Sequence[Kind]] = ("kill",) * 7 + ("stop", "pause", "pause")
"""The kinds of blows to one process, each as often as it is likely."""
ON_POSTGRES: Final[Sequence[Kind]] = (
    *("kill",) * 12,
    *("stop", "pause", "pause", "pause", "cut", "cut", "silence", "silence", "Postgres"),
)
"""The kinds of blows to a cluster, each as often as it is likely."""

WITHIN_A_SAVE_S = 0.08
LONGEST_WAIT_S = 3.0
LONGEST_BLOW_S = {
    "kill": 1.0,
    "stop": 0.5,
    "pause": 6.0,
    "cut": 0.0,
    "silence": 6.0,
    "Postgres": 2.0,
}
"""Seconds until a machine is begun again, goes on or has its wire back, at most."""


@dataclass(frozen=True)
class Strike:
    """One blow, and all that chance has to say on it."""

    kind: Kind
    which: float
    """Which of the machines that are whole then, from 0 to 1."""
    wait_s: float
    """Since some calls of models were let go on."""
    lasts_s: float
    and_again: float | None
    """Seconds after which what was killed is killed once more, while it starts; None if it is not."""


def plan(seed: int, kills: int, kinds: Sequence[Kind]) -> list[Strike]:
    """Give strikes until there are so many kills; the same for the same seed."""
    return list(_strikes(Random(seed), kills, kinds))


def _strikes(chance: Random, kills: int, kinds: Sequence[Kind]) -> Iterator[Strike]:
    while kills > 0:
        kind = chance.choice(kinds)
        again = kind == "kill" and kills > 1 and chance.random() < 0.1
        kills -= (kind == "kill") + again
        yield Strike(
            kind=kind,
            which=chance.random(),
            # Half of all fall while the items of the calls that ended just now are saved.
            wait_s=chance.uniform(0, chance.choice([WITHIN_A_SAVE_S, LONGEST_WAIT_S])),
            lasts_s=chance.uniform(0, LONGEST_BLOW_S[kind]),
            and_again=chance.uniform(0, 1) if again else None,
        )
