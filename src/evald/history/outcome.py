"""What becomes of the lines of an import."""

from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from evald.contract.history import HistoryImportObject, KindCountsObject
from evald.history.reading import LineError

SHOWN: Final = 100
"""The most errors, and notes, that an answer has."""

Fate: TypeAlias = Literal["imported", "existing", "different", "replaced"]
Kind: TypeAlias = Literal["evals", "runs", "output_items"]


@dataclass(frozen=True, slots=True)
class Note:
    """What there is to know about a line that was no error."""

    line: int
    id: str
    message: str


def _none() -> KindCountsObject:
    return {"imported": 0, "existing": 0, "different": 0, "replaced": 0}


@dataclass
class Outcome:
    """What became of the lines so far."""

    counts: dict[Kind, KindCountsObject] = field(
        default_factory=lambda: {"evals": _none(), "runs": _none(), "output_items": _none()}
    )
    failed: int = 0
    errors: list[LineError] = field(default_factory=list)
    """The first SHOWN of those that failed."""
    notes: list[Note] = field(default_factory=list)
    """The first SHOWN."""

    @property
    def lines(self) -> int:
        """How many lines held anything."""
        return self.failed + sum(
            counts[fate]
            for counts in self.counts.values()
            for fate in ("imported", "existing", "different", "replaced")
        )

    def count(self, kind: Kind, fate: Fate) -> None:
        """Count a line whose object is here now."""
        self.counts[kind][fate] += 1

    def fail(self, error: LineError) -> None:
        """Count a line that is left out."""
        self.failed += 1
        if len(self.errors) < SHOWN:
            self.errors.append(error)

    def tell(self, note: Note) -> None:
        """Keep a note, as long as there is room for it."""
        if len(self.notes) < SHOWN:
            self.notes.append(note)

    def add(self, other: "Outcome") -> None:
        """Add what became of the lines of another batch."""
        for kind, counts in other.counts.items():
            for fate in ("imported", "existing", "different", "replaced"):
                self.counts[kind][fate] += counts[fate]
        self.failed += other.failed
        self.errors = sorted([*self.errors, *other.errors], key=lambda each: each.line)[:SHOWN]
        self.notes = sorted([*self.notes, *other.notes], key=lambda each: each.line)[:SHOWN]

    def as_json(self, *, dry_run: bool) -> HistoryImportObject:
        """Give the wire form."""
        return {
            "object": "eval.import",
            "dry_run": dry_run,
            "evals": self.counts["evals"],
            "runs": self.counts["runs"],
            "output_items": self.counts["output_items"],
            "failed": self.failed,
            "errors": [
                {"line": each.line, "id": each.id, "code": each.code, "message": each.message}
                for each in self.errors
            ],
            "notes": [
                {"line": each.line, "id": each.id, "message": each.message} for each in self.notes
            ],
        }
