"""What became of an archive: how much went in, and what did not, with its place and the reason."""

from dataclasses import dataclass, field
from typing import Final

from evald.archive.reading.json_pieces import Place

NAMED: Final = 1000
"""Things not taken that are kept by name; there may be as many as lines."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where something stands in an archive."""

    where: str
    place: Place | None = None
    id: str | None = None

    def __str__(self) -> str:
        """Give it as `file, line 3 (byte 120), id`."""
        line = "" if self.place is None else f", line {self.place.line} (byte {self.place.byte})"
        return f"{self.where}{line}{f', {self.id}' if self.id else ''}"


@dataclass
class Counts:
    """What became of the objects of one kind."""

    imported: int = 0
    existing: int = 0
    """The same object was there already."""
    different: int = 0
    """Another object of this id was there, and stays."""
    replaced: int = 0
    """One that was put together from its items, or was not over, is now the real one."""
    failed: int = 0

    @property
    def total(self) -> int:
        """Give how many were met."""
        return self.imported + self.existing + self.different + self.replaced + self.failed


@dataclass
class Outcome:
    """What became of everything so far."""

    evals: Counts = field(default_factory=Counts)
    runs: Counts = field(default_factory=Counts)
    output_items: Counts = field(default_factory=Counts)
    files: Counts = field(default_factory=Counts)
    stored_completions: Counts = field(default_factory=Counts)
    not_taken: list[tuple[Origin, str]] = field(default_factory=list)
    """The first NAMED of them."""
    not_taken_count: int = 0
    notes: list[tuple[Origin, str]] = field(default_factory=list)
    """What there is to know of objects that were taken, or were there already."""

    def refuse(self, origin: Origin, reason: str) -> None:
        """Keep what is not taken."""
        self.not_taken_count += 1
        if len(self.not_taken) < NAMED:
            self.not_taken.append((origin, reason))

    def note(self, origin: Origin, message: str) -> None:
        """Keep what there is to know."""
        if len(self.notes) < NAMED:
            self.notes.append((origin, message))

    @property
    def kinds(self) -> dict[str, Counts]:
        """Give the counts with their names."""
        return {
            "evals": self.evals,
            "runs": self.runs,
            "output items": self.output_items,
            "files": self.files,
            "stored completions": self.stored_completions,
        }

    @property
    def is_all_taken(self) -> bool:
        """Say whether everything is at the server now, as the archive has it."""
        return not self.not_taken_count and not any(each.different for each in self.kinds.values())

    @property
    def changed(self) -> int:
        """Give how many objects of the server are new or new in part."""
        return sum(each.imported + each.replaced for each in self.kinds.values())
