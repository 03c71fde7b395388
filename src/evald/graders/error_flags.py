"""The error flags of a grader that was tried out on one sample (contract section 6.8)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from evald.contract.grader_runs import ErrorFlags
from evald.contract.json_types import JsonObject, JsonValue
from evald.graders.interface import Grade
from evald.rules.template import MISSING, Namespaces, RowNamespaces, TextTooLong, paths_in

PARSE: Final = "model_grader_parse_error"
REFUSAL: Final = "model_grader_refusal_error"
SERVER: Final = "model_grader_server_error"
RUNTIME: Final = "python_grader_runtime_error"
SANDBOX: Final = "python_grader_server_error"
LATE: Final = "unresponsive_reward_error"
FLAGS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "judge_unavailable": (SERVER,),
    "judge_refused": (REFUSAL,),
    "judge_filtered": (REFUSAL,),
    "judge_truncated": (PARSE, "truncated_observation_error"),
    "judge_empty": (PARSE, LATE),
    "judge_unparseable": (PARSE,),
    "judge_label_unknown": (PARSE,),
    "judge_score_invalid": (PARSE,),
    "embeddings_unavailable": (SERVER,),
    "python_source": (RUNTIME,),
    "python_exception": (RUNTIME,),
    "python_result": (RUNTIME,),
    "python_time_limit": (RUNTIME, LATE),
    "python_memory_limit": (RUNTIME,),
    "python_scratch_limit": (RUNTIME,),
    "python_died": (RUNTIME,),
    "python_server_error": (SANDBOX,),
    "python_unavailable": (SANDBOX,),
    "formula_unreadable": ("formula_parse_error",),
    "part_failed": (),  # the parts have their own
}
"""By the code of an error; every other error is `other_error`."""


def error_flags(grade: Grade, grader: JsonObject, namespaces: Namespaces) -> ErrorFlags:
    """Give the flags of a grade that the kept grader gave for what stands under these namespaces."""
    faults = list(_faults(grade.error, grade.sample, grade.extras))
    raised = {flag for fault in faults for flag in _flags(fault)}
    raised |= set(_missing(grader, namespaces))
    return ErrorFlags(
        frozenset(raised),
        server_error=_said(faults, SERVER, "message"),
        sandbox_error=_said(faults, SANDBOX, "code"),
        runtime_error=_said(faults, RUNTIME, "traceback", "message"),
    )


def _said(faults: Sequence[JsonObject], flag: str, *keys: str) -> str | None:
    """Give what the first fault that raises a flag says of itself, by the first key that it has."""
    fault = next((fault for fault in faults if flag in _flags(fault)), {})
    said = (fault[key] for key in keys if fault.get(key))
    return next((each for each in said if isinstance(each, str)), None)


def _faults(error: JsonValue, sample: JsonValue, extras: JsonObject) -> Iterator[JsonObject]:
    """Give the errors of a grade and of its parts.

    Each has the code of the call that failed, if one did, and a program's traceback.
    """
    if isinstance(error, dict):
        shown = _object(sample)
        call = _object(shown.get("error")).get("code")
        yield {**error, "call": call, "traceback": shown.get("traceback")}
    parts = extras.get("sub_results")
    for part in parts.values() if isinstance(parts, dict) else ():
        if isinstance(part, dict):
            yield from _faults(part.get("error"), part.get("sample"), {})


def _flags(fault: JsonObject) -> tuple[str, ...]:
    flags = FLAGS_OF.get(str(fault["code"]), ("other_error",))
    return (*flags, LATE) if SERVER in flags and fault.get("call") == "timeout" else flags


def _missing(grader: JsonObject, namespaces: Namespaces) -> Iterator[str]:
    """Give the flags of references that lead nowhere: they render as nothing, and nobody notices."""
    row = RowNamespaces.of(namespaces)
    for path in set(paths_in(_templates(grader))):
        try:
            found = path.look_up(row)
        except TextTooLong:  # the grade says so
            continue
        if found is MISSING:
            into_json = path.namespace == "sample" and path.steps[:1] == ("output_json",)
            is_no_json = into_json and "output_json" not in _object(namespaces.get("sample"))
            yield "sample_parse_error" if is_no_json else "invalid_variable_error"


def _templates(grader: JsonObject) -> JsonValue:
    match grader:
        case {"type": "multi", "graders": dict(parts)}:
            return [_templates(_object(part)) for part in parts.values()]
    return [grader.get("input"), grader.get("reference")]


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}
