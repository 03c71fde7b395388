"""Send what an archive holds: evals first, then their runs, then output items and all the rest."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final

import orjson

from evald.archive.reading.archive import Archive
from evald.archive.reading.documents import NO_JSON, NO_OBJECTS
from evald.archive.reading.members import Member
from evald.archive.reading.records import Broken, Kind, Record
from evald.archive.sending import batches
from evald.archive.sending.batches import Batches, Lines
from evald.archive.sending.completions import MOST_WAITING, Pairs, try_completion
from evald.archive.sending.dry_run import DryLines
from evald.archive.sending.files import send_file, try_file
from evald.archive.sending.model_map import judges_of, with_models
from evald.archive.sending.outcome import Counts, Origin, Outcome
from evald.archive.sending.server import Server
from evald.archive.sending.survey import Survey

_PART: Final = ".part"
_ITEMS_PART: Final = "output_items.jsonl.part"
_CONTENT: Final = "content"
_JSON: Final = (".json", ".jsonl", ".ndjson")
_OBJECTS: Final = {Kind.EVAL: "eval", Kind.RUN: "eval.run", Kind.ITEM: "eval.run.output_item"}


@dataclass
class Import:
    """One import: what it reads, where to, and what became of it so far.

    The archive is read three times, for an item is nothing without its run, and a run without its
    eval; of each file only what was seen in it at first. So nothing has to fit into memory.
    """

    archive: Archive
    server: Server
    models: Mapping[str, str]
    """Judges of evals that are replaced, and by which."""
    is_dry: bool
    tick: Callable[[str], None]
    """Is called again and again with what is being done."""
    outcome: Outcome = field(default_factory=Outcome)
    parts: int = 0
    """Files that a stopped pull left."""
    unknown: list[str] = field(default_factory=list)
    """Files in which nothing was known."""
    refused_runs: set[str] = field(default_factory=set)
    _met_files: set[str] = field(default_factory=set)
    _dry_sizes: dict[str, int] = field(default_factory=dict)
    _dry_completions: set[tuple[str | None, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Begin with nothing seen."""
        self.survey = Survey(self.models)
        evals, runs, items = (
            self._batches(counts)
            for counts in (self.outcome.evals, self.outcome.runs, self.outcome.output_items)
        )
        runs.refused = self.refused_runs
        self._to_send: tuple[Lines, Lines, Lines] = (evals, runs, items)
        if self.is_dry:
            dry_evals = DryLines(evals)
            dry_runs = DryLines(runs, "eval", dry_evals)
            self._to_send = (dry_evals, dry_runs, DryLines(items, "run", dry_runs))

    def everything(self) -> None:
        """Send all there is. Raises NoArchive, ServerGone.

        However it ends, what was sent is kept, and the same import sends the rest.
        """
        self.archive.see()
        self.server.meet()
        self._evals()
        self._runs()
        self._items_and_files()

    def _evals(self) -> None:
        sent, _, _ = self._to_send
        for member in self.archive.members():
            if isinstance(member, Broken):
                self._refuse(member)
            elif self._is_read(member):
                self._look_at(member, sent)
        sent.send()  # before those that are put together: a real one comes first
        for value in self.survey.rebuilt_evals():
            sent.add(orjson.dumps(value), Origin("put together from its runs", id=value["id"]))
        sent.send()

    def _is_read(self, member: Member) -> bool:
        name = member.file_name
        if name.endswith(_PART):
            self.parts += 1
            return name == _ITEMS_PART
        return name != _CONTENT and not name.startswith(".")

    def _look_at(self, member: Member, sent: Lines) -> None:
        for record in self.archive.records(member):
            self.tick("Reading")
            if isinstance(record, Broken):
                self._broken(member, record)
                continue
            self.survey.add(record)
            if record.kind is Kind.EVAL:
                sent.add(self._line(record), _origin(record))
        if not member.size and member.file_name.endswith(".json"):
            self._refuse(Broken(member.name, None, "it is empty"))
        if self.survey.is_unknown(member.name):
            self.unknown.append(member.name)

    def _broken(self, member: Member, found: Broken) -> None:
        if found.reason in (NO_JSON, NO_OBJECTS) and not member.file_name.endswith(_JSON):
            self.unknown.append(member.name)
        elif not member.file_name.endswith(_PART):  # whose last line may be cut off
            self._refuse(found)

    def _runs(self) -> None:
        _, sent, _ = self._to_send
        for record in self._records(Kind.RUN):
            self.tick("Sending runs")
            sent.add(self._line(record), _origin(record))
        sent.send()
        for value in self.survey.rebuilt_runs():
            sent.add(orjson.dumps(value), Origin("put together from its items", id=value["id"]))
        sent.send()

    def _records(self, kind: Kind) -> Iterator[Record]:
        for member in self.archive.members():
            if isinstance(member, Member) and kind in self.survey.kinds.get(member.name, ()):
                for record in self.archive.records(member):
                    if isinstance(record, Record) and record.kind is kind:
                        yield record

    def _items_and_files(self) -> None:
        _, _, items = self._to_send
        path, counts = "chat/completions/import", self.outcome.stored_completions
        pairs = Pairs(Batches(self.server, path, self.outcome, batches.completions, counts))
        for member in self.archive.members():
            if not isinstance(member, Member):
                continue
            kinds = self.survey.kinds.get(member.name, set())
            file = self._file_of(member)
            if file is not None:
                self._file(member, file)
            elif member.file_name == _CONTENT:
                self.unknown.append(member.name)
            if Kind.ITEM in kinds:
                self._items(member, items)
            if kinds & {Kind.COMPLETION, Kind.MESSAGE}:
                self._completions(member, pairs)
        items.send()
        pairs.rest()
        pairs.batches.send()
        for file_id in self.survey.file_ids() - self._met_files:
            self.outcome.note(Origin("file", id=file_id), "The archive does not hold its bytes.")

    def _items(self, member: Member, sent: Lines) -> None:
        for record in self.archive.records(member):
            if isinstance(record, Record) and record.kind is Kind.ITEM:
                self.tick("Sending output items")
                sent.add(self._line(record), _origin(record))

    def _completions(self, member: Member, pairs: Pairs) -> None:
        messages: list[Record] = []
        size = 0
        for record in self.archive.records(member):
            self.tick("Sending stored completions")
            if isinstance(record, Broken):
                continue
            if record.kind is Kind.COMPLETION and self.is_dry:
                try_completion(self.server, record, self.outcome, self._dry_completions)
            elif record.kind is Kind.COMPLETION:
                pairs.completion(member.folder, record)
            elif record.kind is Kind.MESSAGE and size <= MOST_WAITING:
                messages.append(record)
                size += len(record.raw)
        if size > MOST_WAITING:
            self._refuse(Broken(member.name, None, "its messages are too large for one completion"))
        elif messages and not self.is_dry:
            pairs.messages(member.folder, messages)

    def _file_of(self, member: Member) -> Mapping[str, Any] | None:
        """Describe the uploaded file whose bytes this is; None when it is none."""
        if member.file_name == _CONTENT:
            return self.survey.files.get(member.folder)
        file_id = self.survey.file_of_rows(member.name)
        if file_id is None:
            return None
        created_at = self.survey.file_times.get(file_id, member.changed_at)
        name = PurePosixPath(member.name).name
        return {"id": file_id, "created_at": created_at, "filename": name, "purpose": "evals"}

    def _file(self, member: Member, described: Mapping[str, Any]) -> None:
        self.tick("Sending files")
        self._met_files.add(str(described.get("id")))
        if self.is_dry:
            try_file(self.server, member, described, self.outcome, self._dry_sizes)
        else:
            send_file(self.server, member, described, self.outcome)

    def _batches(self, counts: Counts) -> Batches:
        path = f"evals/import?dry_run={'true' if self.is_dry else 'false'}"
        return Batches(self.server, path, self.outcome, batches.history, counts)

    def _line(self, record: Record) -> bytes:
        value = {**record.value, "object": _OBJECTS[record.kind]}
        if record.kind is Kind.EVAL and judges_of(value) & self.models.keys():
            return orjson.dumps(with_models(value, self.models))
        is_named = record.value.get("object") == value["object"]
        return record.line() if is_named else orjson.dumps(value)

    def _refuse(self, broken: Broken) -> None:
        self.outcome.refuse(Origin(broken.where, broken.place, broken.id), broken.reason)


def _origin(record: Record) -> Origin:
    return Origin(record.where, record.place, record.id)
