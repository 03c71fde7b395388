"""What an archive holds, counted before anything that needs its parents is sent."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final

from evald.archive.reading.records import Kind, Record, text_of
from evald.archive.sending.model_map import judges_of, with_models
from evald.archive.sending.rebuilt import rebuilt_eval, rebuilt_run
from evald.archive.sending.tallies import RunTally, number, told_items

_FILE_ID: Final = re.compile(r"file-[A-Za-z0-9_-]{1,100}")


@dataclass(frozen=True, slots=True)
class KnownRun:
    """What the archive holds of a run itself."""

    eval_id: str | None
    told_items: int
    """How many output items it says that it has."""
    created_at: int
    criteria: tuple[str, ...]


@dataclass
class Survey:
    """What was met so far. It keeps ids and sums, some 100 bytes for each output item."""

    models: Mapping[str, str]
    """Judges that are replaced, and by which."""
    kinds: dict[str, set[Kind]] = field(default_factory=lambda: defaultdict(set))
    """What each file holds."""
    evals: set[str] = field(default_factory=set)
    runs: dict[str, KnownRun] = field(default_factory=dict)
    tallies: dict[str, RunTally] = field(default_factory=dict)
    """Of each run what its items add up to."""
    judges: set[str] = field(default_factory=set)
    """Models that the evals ask for verdicts, after replacing."""
    replaced: set[str] = field(default_factory=set)
    """Judges that were replaced."""
    files: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """File objects by their folder."""
    file_times: dict[str, int] = field(default_factory=dict)
    """When the first run was made that reads a file."""
    gaps: int = 0
    """What a pull could not have."""
    is_unfinished: bool = False
    """Whether a pull says that it did not come to its end."""
    _seen: set[int] = field(default_factory=set)

    def add(self, record: Record) -> None:
        """Count an object."""
        value = record.value
        self.kinds[record.where].add(record.kind)
        match record.kind:
            case Kind.EVAL:
                self._eval(record)
            case Kind.RUN:
                self._run(record)
            case Kind.ITEM:
                self._item(value)
            case Kind.FILE:
                self.files[str(PurePosixPath(record.where).parent)] = value
            case Kind.GAP:
                self.gaps += "path" in value
            case Kind.MANIFEST:
                self.is_unfinished = value.get("is_complete") is not True

    def _eval(self, record: Record) -> None:
        if record.id is not None:
            self.evals.add(record.id)
        judges = judges_of(record.value)
        self.replaced |= judges & self.models.keys()
        self.judges |= judges_of(with_models(record.value, self.models))

    def _run(self, record: Record) -> None:
        value, created_at = record.value, number(record.value.get("created_at"))
        results = value.get("per_testing_criteria_results")
        named = [each for each in _objects(results) if text_of(each, "testing_criteria")]
        if record.id is not None:
            self.runs[record.id] = KnownRun(
                text_of(value, "eval_id"),
                told_items(value),
                created_at,
                tuple(each["testing_criteria"] for each in named[:100]),
            )
        match value.get("data_source"):
            case {"source": {"type": "file_id", "id": str(file_id)}}:
                known = self.file_times.get(file_id, created_at)
                self.file_times[file_id] = min(known, created_at)

    def _item(self, value: Mapping[str, Any]) -> None:
        run_id, item_id, eval_id = (text_of(value, key) for key in ("run_id", "id", "eval_id"))
        mark = hash((run_id, item_id))
        if run_id and item_id and eval_id and mark not in self._seen:
            self._seen.add(mark)
            self.tallies.setdefault(run_id, RunTally(eval_id)).add(value)

    def rebuilt_evals(self) -> list[dict[str, Any]]:
        """Give the evals that the archive speaks of and does not hold."""
        criteria: dict[str, dict[str, str | None]] = defaultdict(dict)
        times: dict[str, list[int]] = defaultdict(list)
        for tally in self.tallies.values():
            times[tally.eval_id].append(tally.created_at or 0)
            found = {name: each.type for name, each in tally.criteria.items()}
            criteria[tally.eval_id] = {**found, **criteria[tally.eval_id]}
        for run in self.runs.values():
            if run.eval_id is not None:
                times[run.eval_id].append(run.created_at)
                criteria[run.eval_id] |= dict.fromkeys(
                    each for each in run.criteria if each not in criteria[run.eval_id]
                )
        return [
            rebuilt_eval(eval_id, min(when), criteria[eval_id])
            for eval_id, when in times.items()
            if eval_id not in self.evals
        ]

    def rebuilt_runs(self) -> list[dict[str, Any]]:
        """Give the runs that the archive holds items of and nothing else."""
        return [
            rebuilt_run(run_id, tally)
            for run_id, tally in self.tallies.items()
            if run_id not in self.runs
        ]

    def incomplete_runs(self) -> list[tuple[str, int, int]]:
        """Give the runs that say they have more items: id, items in the archive, items told."""
        found = []
        for run_id, run in self.runs.items():
            items = self.tallies[run_id].items if run_id in self.tallies else 0
            if items < run.told_items:
                found.append((run_id, items, run.told_items))
        return found

    def file_ids(self) -> set[str]:
        """Give the ids of the uploaded files that the archive describes."""
        return {each["id"] for each in self.files.values() if text_of(each, "id")}

    def is_unknown(self, where: str) -> bool:
        """Say whether nothing in a file can be sent; rows of a file that has no id cannot."""
        kinds = self.kinds.get(where)
        return kinds == {Kind.UNKNOWN} or (kinds == {Kind.ROW} and not self.file_of_rows(where))

    def file_of_rows(self, where: str) -> str | None:
        """Give the id of the file whose rows a file of the archive holds; None when it is another."""
        name = PurePosixPath(where).name.partition(".")[0]
        is_rows = self.kinds.get(where) == {Kind.ROW}
        return name if is_rows and _FILE_ID.fullmatch(name) else None


def _objects(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
