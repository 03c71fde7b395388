"""Lines of history, each read into what is kept of it or into what is wrong with it."""

from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError

from evald.contract.evals import Eval, ImportedEval
from evald.contract.history import (
    ArchivedEval,
    ArchivedItem,
    ArchivedRun,
    ItemExtrasOfElsewhere,
    RunExtrasOfElsewhere,
)
from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.projects import ProjectId
from evald.contract.run_data_sources import without_rows
from evald.contract.runs import Status
from evald.contract.validation import json_type, read_request
from evald.data_sources.lines import Line, LineCutter
from evald.data_sources.rows import LONGEST_LINE
from evald.errors import BadRequest
from evald.history.read_eval import read_criteria, read_data_source_config
from evald.rules import json_text
from evald.rules.archived import whole_eval, whole_item, whole_run
from evald.rules.status import is_final
from evald.rules.verdict import ItemStatus
from evald.rules.wire_form import wire_form
from evald.store.evals import imported_text
from evald.store.imported import NewImportedItem, NewImportedRun

Model = TypeVar("Model", bound=BaseModel)

LONGEST_ERROR: Final = 500
"""Characters of the first error of an item that are kept beside it."""
GUESSED: Final = (
    "It was put together from its output items alone, so its criteria are not known and it cannot be "
    "run."
)
LONGEST_MESSAGE: Final = 1_000
"""Characters of what is told of a line."""
_EVAL_KEYS: Final = frozenset(
    {
        *("object", "id", "name", "created_at", "data_source_config", "testing_criteria"),
        *("metadata", "evald"),
    }
)
_OURS: Final = ("report_url", "data_source", "evald")
"""The keys of a run that stand somewhere else than in its body."""


@dataclass(frozen=True, slots=True)
class LineError:
    """Why a line is left out."""

    line: int
    id: str | None
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ReadEval:
    """An eval that a line holds."""

    line: int
    new: Eval
    faults: tuple[str, ...]
    """Why it cannot be run here as it is."""
    size: int
    """Bytes of its JSON text."""


@dataclass(frozen=True, slots=True)
class ReadRun:
    """A run that a line holds."""

    line: int
    new: NewImportedRun


@dataclass(frozen=True, slots=True)
class ReadItem:
    """An output item that a line holds."""

    line: int
    new: NewImportedItem


Read: TypeAlias = ReadEval | ReadRun | ReadItem | LineError


class HistoryReader:
    """Cuts bytes into lines and reads each."""

    def __init__(self, project_id: ProjectId, now: int) -> None:
        """Begin before the first line of what a project takes in."""
        self._project_id = project_id
        self._now = now
        self._lines = LineCutter()

    def feed(self, part: bytes) -> list[Read]:
        """Give what the lines hold that are complete now."""
        return [self._read(line) for line in self._lines.feed(part)]

    def end(self) -> list[Read]:
        """Give what the line holds that has come so far."""
        return [self._read(line) for line in self._lines.end()]

    def _read(self, line: Line) -> Read:
        if line.text is None:
            message = f"The line is longer than {LONGEST_LINE // 2**20} MB."
            return LineError(line.number, None, "line_too_long", message)
        try:
            value = json_text.parse(line.text)
        except json_text.BadJson as error:
            message = f"The line is not valid JSON: {error}."
            return LineError(line.number, None, "invalid_json", message)
        try:
            return self._object(value, line.number)
        except json_text.BadJson as error:
            message = f"The object cannot be kept: {error}."
            return LineError(line.number, _id_of(value), "invalid_json", message)
        except BadRequest as error:
            message = error.message[:LONGEST_MESSAGE]  # keys of the line may stand in it
            return LineError(line.number, _id_of(value), error.code or "", message)

    def _object(self, value: JsonValue, line: int) -> Read:
        if not isinstance(value, dict):
            raise BadRequest(
                f"A line must hold an object, not {json_type(value)}.", code="invalid_type"
            )
        found = wire_form(value)
        match found.get("object"):
            case "eval":
                return _eval(found, line, self._project_id, self._now)
            case "eval.run":
                return ReadRun(line, _run(found, self._now))
            case "eval.run.output_item":
                return ReadItem(line, _item(found))
        raise BadRequest(
            "Its 'object' must be 'eval', 'eval.run' or 'eval.run.output_item'.",
            param="object",
            code="invalid_value",
        )


def _id_of(value: JsonValue) -> str | None:
    """Give the id of a refused object, if it can be shown."""
    found = value.get("id") if isinstance(value, dict) else None
    return found[:200] if isinstance(found, str) else None


def _eval(found: JsonObject, line: int, project_id: ProjectId, now: int) -> ReadEval:
    whole = whole_eval(found)
    asked = read_request(ArchivedEval, whole)
    config, config_faults = read_data_source_config(asked.data_source_config)
    criteria, criteria_faults = read_criteria(asked.testing_criteria, asked.id)
    new = Eval(
        id=asked.id,
        project_id=project_id,
        name=asked.name,
        created_at=asked.created_at,
        updated_at=asked.created_at,
        data_source_config=config,
        testing_criteria=criteria,
        metadata=asked.metadata,
        imported=ImportedEval(
            at=now,
            reconstructed=_is_reconstructed(found),
            extras={key: value for key, value in whole.items() if key not in _EVAL_KEYS},
        ),
    )
    # What cannot be kept or answered is refused here, where it is one line and not a whole batch.
    text = json_text.dump_bytes(new.as_json()) + (imported_text(new.imported) or "").encode()
    is_guess = new.imported is not None and new.imported.reconstructed
    faults = [GUESSED] if is_guess else [*config_faults, *criteria_faults]
    return ReadEval(line, new, tuple(faults), len(text))


def _run(found: JsonObject, now: int) -> NewImportedRun:
    whole = whole_run(found)
    asked = read_request(ArchivedRun, whole)
    extras = _sound(RunExtrasOfElsewhere, found.get("evald")) or RunExtrasOfElsewhere()
    counts, error = asked.result_counts, asked.error
    status: Status = asked.status if is_final(asked.status) else "canceled"
    body = {key: value for key, value in whole.items() if key != "evald"}
    return NewImportedRun(
        id=asked.id,
        eval_id=asked.eval_id,
        name=asked.name,
        model=asked.model,
        status=status,
        original_status=_original_status(found, asked.status),
        created_at=asked.created_at,
        imported_at=now,
        reconstructed=_is_reconstructed(found),
        data_source_text=json_text.dump(asked.data_source),
        plan_text=json_text.dump(without_rows(asked.data_source)),
        metadata=asked.metadata,
        error_code=None if error is None else (error.code or "unknown"),
        error_message=None if error is None else (error.message or ""),
        row_count=extras.rows,
        passed=counts.passed,
        failed=counts.failed,
        errored=counts.errored,
        calls_aborted=extras.calls_aborted,
        started_at=extras.started_at,
        finished_at=extras.finished_at,
        body=json_text.dump(body | {"status": status} | dict.fromkeys(_OURS[:2])),
        extras=json_text.dump(_run_extras(found, extras)),
    )


def _original_status(run: JsonObject, status: Status) -> Status:
    """Give the status that a run had where it was carried out.

    Another evald that imported it has shown a run that was not over as canceled, and tells so.
    """
    match run.get("evald"):
        case {"imported": {"status": "queued" | "in_progress" as original}}:
            return original if status == "canceled" else status
    return status


def _run_extras(run: JsonObject, sound: RunExtrasOfElsewhere) -> JsonObject:
    usage: JsonObject = {}
    match run.get("evald"):
        case {"usage": dict(told)} if sound.usage:
            usage = told
    extras: JsonObject = {
        "rows": sound.rows,
        "calls_aborted": sound.calls_aborted,
        "started_at": sound.started_at,
        "finished_at": sound.finished_at,
        "usage": {"sampling": [], "judging": [], **usage},
    }
    for name in ("resumed", "regrade_of"):
        if (told := getattr(sound, name)) is not None:
            extras[name] = told.model_dump()
    return extras


def _item(found: JsonObject) -> NewImportedItem:
    whole = whole_item(found)
    asked = read_request(ArchivedItem, whole)
    extras = _item_extras(whole.get("evald"))
    shown = {key: value for key, value in whole.items() if key != "evald"}
    if extras:
        shown["evald"] = extras
    status: ItemStatus = asked.status
    return NewImportedItem(
        id=asked.id,
        run_id=asked.run_id,
        eval_id=asked.eval_id,
        wanted_row=asked.datasource_item_id,
        status=status,
        error_message=_first_error(asked),
        body=json_text.dump(shown),
    )


def _item_extras(extras: JsonValue) -> JsonObject:
    """Give what another evald had added to an item, where it is sound."""
    if not isinstance(extras, dict):
        return {}
    known = ItemExtrasOfElsewhere.model_fields
    own: JsonObject = {key: extras[key] for key in known if key in extras}
    kept = own if _sound(ItemExtrasOfElsewhere, own) is not None else {}
    match extras.get("imported"):
        case {"status": None | str() as status}:
            kept["imported"] = {"status": status}
    return kept


def _first_error(item: ArchivedItem) -> str | None:
    errors = [item.sample.error, *(result.error for result in item.results)]
    first = next((error for error in errors if error is not None), None)
    if first is None:
        return None
    return (first.message or first.code or "")[:LONGEST_ERROR].replace("\x00", "")


def _is_reconstructed(found: JsonObject) -> bool:
    match found.get("evald"):
        case {"imported": {"reconstructed": True}}:
            return True
    return False


def _sound(model: type[Model], value: JsonValue) -> Model | None:
    """Give what a model makes of a value, or None where it is not sound."""
    try:
        return model.model_validate(value)
    except ValidationError:
        return None
