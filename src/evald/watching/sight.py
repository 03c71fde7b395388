"""What a look at a run shows: the run, and what is known of it only while it goes on."""

from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from typing import Final

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.projects import ProjectId
from evald.contract.runs import STATUSES, Run, Status
from evald.rules.speed import Looks, average_speed, recent_speed, seconds_left
from evald.rules.status import is_final
from evald.runs.tools import Tools
from evald.store import runs as run_store
from evald.store.item_figures import Indexed, indexed_of

_STEPS: Final[dict[Status, int]] = {
    status: 2 if is_final(status) else STATUSES.index(status) for status in STATUSES
}


@dataclass(frozen=True)
class WatchedRun:
    """Which run is watched, and for whose eyes."""

    project_id: ProjectId
    eval_id: str
    run_id: str


@dataclass(frozen=True)
class Sight:
    """A run as one look has shown it, without the rows that came with its request."""

    run: Run
    in_flight: int | None
    """Model calls under way, or None where machines carry the run out that this one cannot ask."""
    indexed: Indexed
    """How far the figures are that are kept of its items: a second or two behind."""
    is_settled: bool
    """Whether the run has ended and its figures too, or nothing new comes of them any more."""
    items_per_second: float | None = None
    """Of the last seconds while it goes on, where that can be told, or of all its time."""
    seconds_left: float | None = None
    recent_speed: float | None = None
    """The items per second of the last seconds, or None where nothing came in them."""

    @property
    def is_final(self) -> bool:
        """Whether the run has ended."""
        return is_final(self.run.status)

    @cached_property
    def id(self) -> str:
        """What tells this state of the run from any other, in this process and in the next.

        It grows: with each resume, then with the status, then with the items. What only time changes,
        as the speed, is not in it, and neither are the figures.
        """
        run = self.run
        state = run.as_json("") + orjson.dumps(self.in_flight)
        digest = blake2b(state, digest_size=6).hexdigest()
        return f"{run.resumes}-{_STEPS[run.status]}-{run.counts.total}-{digest}"

    @property
    def id_with_figures(self) -> str:
        """The same, with how far the figures are."""
        return f"{self.id}-{self.indexed.items}"

    def is_news_after(self, earlier: "Sight") -> bool:
        """Say whether this is worth telling to one who knows an earlier sight.

        A run that stalls slows down for some seconds, and then nothing changes any more.
        """
        if (self.id, self.indexed) != (earlier.id, earlier.indexed):
            return True
        if self.is_settled != earlier.is_settled:
            return True
        return f"{self.recent_speed or 0:.2g}" != f"{earlier.recent_speed or 0:.2g}"


async def look_at(connection: AsyncConnection, watched: WatchedRun) -> tuple[Run, Indexed]:
    """Give a run as it is now, and how far its index is. Raises NotFound."""
    run = await run_store.get_run_without_rows(
        connection, watched.project_id, watched.eval_id, watched.run_id
    )
    return run, await indexed_of(connection, run.id)


def in_flight_of(run: Run, tools: Tools) -> int | None:
    """Give the model calls of a run that are under way, or None where others may have some."""
    if run.status != "in_progress":
        return 0
    return None if tools.database.is_shared else tools.sampler.calls_in_flight(run.id)


def with_speed(sight: Sight, looks: Looks, now: float) -> Sight:
    """Give a sight with what the looks tell of the speed. `now` is the time of day."""
    run = sight.run
    goes_on = run.status == "in_progress"
    recent = recent_speed(looks) if goes_on else None
    speed = recent or average_speed(run.counts.total, _seconds(run, now))
    left = seconds_left(run.row_count, run.counts.total, speed) if goes_on else None
    return replace(sight, items_per_second=speed, seconds_left=left, recent_speed=recent)


def _seconds(run: Run, now: float) -> float | None:
    """Give how long a run has been carried out, or None where that is not known."""
    if run.started_at is None:
        return None
    end = now if run.finished_at is None else run.finished_at
    return run.seconds_before + max(0.0, end - run.started_at)
