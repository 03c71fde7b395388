"""The classes that compare texts: Match, Includes, FuzzyMatch, JsonMatch, JsonValidator.

Where `string_check` says the same as a class it is taken, else one of the programs in `programs.py`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from evald.contract.json_types import JsonObject
from evald.openai_registry.files import RegistryFiles
from evald.openai_registry.plan import (
    ADDED_MESSAGES,
    MESSAGES,
    Plan,
    contains,
    python,
    refuse_added,
    with_added,
)
from evald.openai_registry.programs import (
    FUZZY_MATCH,
    INCLUDES,
    INCLUDES_IGNORING_CASE,
    JSON_MATCH,
    JSON_VALIDATOR,
    MATCH,
)
from evald.openai_registry.rows import (
    CHAT,
    ONE,
    TEXT,
    ideals_of,
    kind_of_ideal,
    kind_of_input,
    kind_of_prompt,
    messages_in,
    rows_of,
    schema_of,
)
from evald.openai_registry.specs import (
    EvalSpec,
    Unusable,
    count_arg,
    flag_arg,
    known_args,
    text_arg,
)


@dataclass
class _Seen:
    """What the rows of an eval hold."""

    rows: int
    inputs: set[str]
    ideals: set[str]

    def properties(self) -> JsonObject:
        """Give the JSON schemas of the keys."""
        schemas: JsonObject = {"input": schema_of(self.inputs)}
        return schemas | ({"ideal": schema_of(self.ideals)} if self.ideals else {})


@dataclass(frozen=True)
class _Class:
    """How a class is turned."""

    args: tuple[str, ...]
    """Its arguments besides `samples_jsonl`."""
    criterion: Callable[[EvalSpec, _Seen], JsonObject]
    sampling_params: Callable[[EvalSpec], JsonObject]
    check: Callable[[JsonObject], object] = kind_of_ideal
    """Refuses a row that the class itself would refuse, by Unusable."""
    has_ideals: bool = True


def _includes(spec: EvalSpec, seen: _Seen) -> JsonObject:
    if flag_arg(spec.args, "ignore_case"):  # `ilike` knows more letters as the same than this
        return python("Includes", INCLUDES_IGNORING_CASE)
    if seen.ideals == {TEXT}:
        return contains("Includes", "{{ item.ideal }}")
    if seen.ideals == {ONE}:
        return contains("Includes", "{{ item.ideal[0] }}")
    return python("Includes", INCLUDES)


def _json_ideals(row: JsonObject) -> None:
    for ideal in ideals_of(row):
        try:
            json.loads(ideal)
        except (ValueError, RecursionError):
            raise Unusable("the 'ideal' of a row is no JSON") from None


def _at_zero(_: EvalSpec) -> JsonObject:
    return {"temperature": 0}


def _at_most(default: int) -> Callable[[EvalSpec], JsonObject]:
    return lambda spec: {
        "temperature": 0,
        "max_completion_tokens": count_arg(spec.args, "max_tokens", default),
    }


CLASSES: Final[Mapping[str, _Class]] = {
    "evals.elsuite.basic.match:Match": _Class(
        # Its max_tokens is read, and never sent to a model.
        ("max_tokens", "num_few_shot", "few_shot_jsonl"),
        lambda spec, seen: python("Match", MATCH),
        _at_zero,
    ),
    "evals.elsuite.basic.includes:Includes": _Class(("ignore_case",), _includes, lambda spec: {}),
    "evals.elsuite.basic.fuzzy_match:FuzzyMatch": _Class(
        ("max_tokens",), lambda spec, seen: python("FuzzyMatch", FUZZY_MATCH), _at_most(100)
    ),
    "evals.elsuite.basic.json_match:JsonMatch": _Class(
        ("max_tokens",),
        lambda spec, seen: python("JsonMatch", JSON_MATCH),
        _at_most(512),
        check=_json_ideals,
    ),
    "evals.elsuite.basic.json_validator:JsonValidator": _Class(
        (),
        lambda spec, seen: python("JsonValidator", JSON_VALIDATOR),
        _at_zero,
        check=lambda row: None,
        has_ideals=False,
    ),
}


def plan_of_texts(spec: EvalSpec, files: RegistryFiles) -> Plan:
    """Give what becomes of an eval of one of these classes; all its rows are read. Raises Unusable."""
    turned = CLASSES[spec.class_name]
    known_args(spec, "samples_jsonl", *turned.args)
    data = text_arg(spec.args, "samples_jsonl")
    shots = _few_shots(spec, files)
    seen = _look(files, data, turned)
    if shots and seen.inputs != {CHAT}:
        raise Unusable("few-shot examples need inputs that are lists of messages")
    needs_messages = bool(shots) or seen.inputs != {CHAT}
    return Plan(
        name=spec.name,
        class_name=spec.class_name,
        data=data,
        rows=seen.rows,
        criterion=turned.criterion(spec, seen),
        item_properties=seen.properties() | (ADDED_MESSAGES if needs_messages else {}),
        to_item=(lambda row: _with_messages(row, shots)) if needs_messages else dict,
        messages=MESSAGES if needs_messages else "item.input",
        sampling_params=turned.sampling_params(spec),
    )


def _look(files: RegistryFiles, data: str, turned: _Class) -> _Seen:
    seen = _Seen(0, set(), set())
    for line, row in rows_of(files, data):
        try:
            seen.inputs.add(kind_of_input(row))
            turned.check(row)
            if turned.has_ideals:
                seen.ideals.add(kind_of_ideal(row))
            refuse_added(row)
        except Unusable as error:
            raise Unusable(f"{data}, line {line}: {error}") from None
        seen.rows += 1
    if not seen.rows:
        raise Unusable(f"{data} has no rows")
    return seen


def _few_shots(spec: EvalSpec, files: RegistryFiles) -> list[JsonObject]:
    """Give the messages of the examples that stand before the last message of each row."""
    number = count_arg(spec.args, "num_few_shot", 0)
    if not number:
        return []
    data = text_arg(spec.args, "few_shot_jsonl")
    messages: list[JsonObject] = []
    for line, row in islice(rows_of(files, data), number):
        sample = row.get("sample")
        try:
            is_chat = kind_of_prompt(sample) == CHAT
        except Unusable:
            is_chat = False
        if not is_chat:
            raise Unusable(f"{data}, line {line}: its 'sample' is no list of messages")
        messages += messages_in(sample)
    return messages


def _with_messages(row: JsonObject, shots: list[JsonObject]) -> JsonObject:
    messages = messages_in(row["input"])
    return with_added(row, messages=[*messages[:-1], *shots, *messages[-1:]])
