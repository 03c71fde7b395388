"""ModelBasedClassify: a judge reads the answer and chooses one of the choices of its spec.

Two kinds of it ask no model for an answer, since the rows have it already. In one, a judge labels what
is there. In the other, a `metaeval`, the judge is what is evaluated: the rows say what people chose.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from evald.contract.json_types import JsonObject
from evald.openai_registry.files import RegistryFiles
from evald.openai_registry.graded_specs import GradedSpec, passing_labels, read_graded_spec
from evald.openai_registry.judge_prompts import (
    Prompt,
    answer_prompt,
    places_in,
    read_prompt,
    shown,
)
from evald.openai_registry.plan import (
    ADDED,
    ADDED_MESSAGES,
    ANSWER,
    MESSAGES,
    Labels,
    Plan,
    label_model,
    python,
    refuse_added,
    with_added,
)
from evald.openai_registry.programs import MATCH_FNS, metaeval
from evald.openai_registry.rows import (
    CHAT,
    TEXT,
    kind_of_prompt,
    messages_in,
    object_schema,
    rows_of,
    schema_of,
)
from evald.openai_registry.specs import (
    EvalSpec,
    Registry,
    Unusable,
    count_arg,
    flag_arg,
    known_args,
    object_arg,
    text_arg,
)
from evald.rules.template import Path, compile_template

CLASS: Final = "evals.elsuite.modelgraded.classify:ModelBasedClassify"
NAME: Final = "ModelBasedClassify"
JUDGE: Final = "JUDGE"
"""Stands for the judge where none was named."""


def plan_of_judged(spec: EvalSpec, registry: Registry, judge: str | None) -> Plan:
    """Give what becomes of a model-graded eval; all its rows are read. Raises Unusable."""
    args = spec.args
    known_args(
        spec,
        *("samples_jsonl", "modelgraded_spec", "modelgraded_spec_args", "sample_kwargs"),
        *("eval_kwargs", "multicomp_n", "eval_type", "match_fn", "metaeval"),
    )
    if args.get("multicomp_n", 1) != 1:
        raise Unusable("it compares several answers to a row, and a row of evald has one")
    graded = read_graded_spec(registry, text_arg(args, "modelgraded_spec"))
    seen = _look(registry.files, text_arg(args, "samples_jsonl"), graded)
    if flag_arg(args, "metaeval"):
        return _metaeval(spec, graded, seen, registry.files)
    if seen.has_answers:
        return _judged(spec, graded, seen, judge)
    if len(graded.outputs) > 1:
        raise Unusable("it asks for several answers to a row, and a row of evald has one")
    return _judged(spec, graded, seen, judge)


@dataclass
class _Seen:
    """What the rows of a model-graded eval hold."""

    rows: int
    keys: dict[str, bool]
    """The keys that all rows have, each with whether it always holds a text."""
    inputs: set[str]
    has_answers: bool


def _look(files: RegistryFiles, data: str, graded: GradedSpec) -> _Seen:
    seen = _Seen(0, {}, set(), has_answers=False)
    for line, row in rows_of(files, data):
        try:
            refuse_added(row)
            for key in graded.outputs:
                if key not in row:
                    raise Unusable(f"the row has no '{key}'")
                seen.inputs.add(kind_of_prompt(row[key]))
        except Unusable as error:
            raise Unusable(f"{data}, line {line}: {error}") from None
        has_answers = all(name in row for name in graded.outputs.values())
        are_texts = {key: isinstance(value, str) for key, value in row.items()}
        if not seen.rows:
            seen.keys, seen.has_answers = are_texts, has_answers
        elif has_answers != seen.has_answers:
            raise Unusable(f"{data}, line {line}: some rows have answers, and some have none")
        else:
            seen.keys = {k: v and are_texts[k] for k, v in seen.keys.items() if k in are_texts}
        seen.rows += 1
    if not seen.rows:
        raise Unusable(f"{data} has no rows")
    return seen


def _judged(spec: EvalSpec, graded: GradedSpec, seen: _Seen, judge: str | None) -> Plan:
    listed = " or ".join(f'"{choice}"' for choice in graded.choices)
    prompt = read_prompt(graded.prompt, f"\n\nThe result is one of {listed}.")
    if not set(places_in(prompt)) & set(graded.outputs.values()):
        raise Unusable("its judge would not see the answer: the prompt has no place for it")
    template, texts_of = _as_template(prompt, spec, graded, seen)
    # None of the row's keys is asked where the rows have the answers.
    asked = None if seen.has_answers else next(iter(graded.outputs))
    is_changed = asked is not None and seen.inputs != {CHAT}
    passing = passing_labels(graded.name, graded.choices, graded.scores)

    def to_item(row: JsonObject) -> JsonObject:
        added: dict[str, object] = {}
        if is_changed and asked is not None:
            added["messages"] = messages_in(row[asked])
        if texts_of:
            added["texts"] = {key: shown(row[key]) for key in texts_of}
        return with_added(row, **added)

    return Plan(
        name=spec.name,
        class_name=spec.class_name,
        data=text_arg(spec.args, "samples_jsonl"),
        rows=seen.rows,
        criterion=label_model(
            NAME, judge or JUDGE, template, Labels(graded.choices, tuple(passing))
        ),
        item_properties=_properties(graded, seen, texts_of, needs_messages=is_changed),
        to_item=to_item,
        messages=MESSAGES if is_changed else asked and f"item.{asked}",
        sampling_params={} if asked is None else _params(spec, "sample_kwargs"),
        needs_judge=True,
        scores=dict(graded.scores) if graded.scores is not None else None,
    )


def _as_template(
    prompt: Prompt, spec: EvalSpec, graded: GradedSpec, seen: _Seen
) -> tuple[list[JsonObject], list[str]]:
    """Give a judge's prompt as one of ours, and the keys of rows that are shown as texts in it."""
    given = object_arg(spec.args, "modelgraded_spec_args")
    texts_of: list[str] = []
    references = 0

    def fill(place: str) -> str:
        nonlocal references
        if place in given:
            return shown(given[place])
        if place == "n" and place not in seen.keys:
            return "1"
        references += 1
        if place in seen.keys:
            if seen.keys[place]:
                return f"{{{{ item.{place} }}}}"
            if place not in texts_of:
                texts_of.append(place)
            return f"{{{{ item.{ADDED}.texts.{place} }}}}"
        if place in graded.outputs.values():
            return ANSWER
        raise Unusable(f"its prompt needs '{place}', which not every row has")

    filled = [each.filled(fill) for each in prompt]
    if sum(_references(str(each["content"])) for each in filled) != references:
        raise Unusable("the prompt of its model-graded spec has a text that evald would fill in")
    return filled, texts_of


def _references(text: str) -> int:
    return sum(isinstance(part, Path) for part in compile_template(text).parts)


def _properties(
    graded: GradedSpec, seen: _Seen, texts_of: Sequence[str], *, needs_messages: bool
) -> JsonObject:
    properties: JsonObject = {key: schema_of(seen.inputs) for key in graded.outputs}
    added: JsonObject = {}
    if needs_messages:
        added["messages"] = schema_of({CHAT})
    if texts_of:
        added["texts"] = object_schema({key: {"type": "string"} for key in texts_of})
    return properties | ({ADDED: object_schema(added)} if added else {})


def _metaeval(spec: EvalSpec, graded: GradedSpec, seen: _Seen, files: RegistryFiles) -> Plan:
    if not seen.has_answers or not seen.keys.get("choice"):
        raise Unusable("a metaeval needs rows with a 'completion' and a 'choice'")
    asked_as = spec.args.get("eval_type")
    eval_type = graded.eval_type or asked_as
    if not isinstance(eval_type, str):
        raise Unusable("its model-graded spec has no eval_type")
    ending = ""
    if isinstance(asked_as, str):
        ending = f"\n\n{answer_prompt(files, asked_as, graded.choices)}"
    prompt = read_prompt(graded.prompt, ending)
    given = object_arg(spec.args, "modelgraded_spec_args")
    for place in places_in(prompt):
        if place not in given and place not in seen.keys and place != "n":
            raise Unusable(f"its prompt needs '{place}', which not every row has")

    def to_item(row: JsonObject) -> JsonObject:
        values: JsonObject = {"n": "1", **row, **given}
        return with_added(
            row, messages=[each.filled(lambda at: shown(values[at])) for each in prompt]
        )

    return Plan(
        name=spec.name,
        class_name=spec.class_name,
        data=text_arg(spec.args, "samples_jsonl"),
        rows=seen.rows,
        criterion=python(f"{NAME} metaeval", metaeval(graded.choices, eval_type, _match_fn(spec))),
        item_properties={"choice": schema_of({TEXT}), **ADDED_MESSAGES},
        to_item=to_item,
        messages=MESSAGES,
        sampling_params=_params(spec, "eval_kwargs"),
    )


def _match_fn(spec: EvalSpec) -> str:
    match_fn = spec.args.get("match_fn") or "starts_or_endswith"
    if match_fn not in MATCH_FNS:
        raise Unusable(f"its match_fn '{match_fn}' is not known")
    return str(match_fn)


def _params(spec: EvalSpec, kind: str) -> JsonObject:
    """Give how a model is sampled: openai/evals has these defaults for its answers and its judges."""
    given = object_arg(spec.args, kind)
    for key in given:
        if key not in ("max_tokens", "temperature"):
            raise Unusable(f"its {kind} have '{key}', which is not known")
    temperature = given.get("temperature", 0)
    if not isinstance(temperature, int | float):
        raise Unusable(f"the temperature of its {kind} is no number")
    return {
        "temperature": temperature,
        "max_completion_tokens": count_arg(given, "max_tokens", 1024),
        "top_p": 1,
    }
