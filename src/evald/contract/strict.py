"""The strict form of an answer: no null where the published schema has none (contract section 3.6).

The live service answers nulls that its own schema forbids, and so does evald. Typed clients that
validate what they read refuse them; what each is in the strict form stands here. What the caller wrote
as a row or as a schema is never changed.
"""

from collections.abc import Callable
from typing import Final

import orjson

from evald.contract.json_types import JsonObject, JsonValue

ROLES: Final = frozenset({"user", "assistant", "system", "developer"})
"""The roles of templates and judges; any other one is shown as `user`."""
STRICT_PURPOSE: Final = "user_data"
"""The purpose that stands for `evals`, which the published enum of answers lacks."""


def strict_form(answer: JsonValue) -> JsonValue:
    """Give an answer in its strict form; one that has no other, such as an error, as it is."""
    if not isinstance(answer, dict):
        return answer
    form = _FORMS.get(_kind(answer))
    return answer if form is None else form(answer)


def _kind(answer: JsonObject) -> str:
    """Give what an answer is; those about graders do not say it."""
    if "object" in answer:
        return str(answer["object"])
    return "grader run" if "reward" in answer else "grader" if "grader" in answer else ""


def _page(page: JsonObject) -> JsonObject:
    ids: JsonObject = {key: page[key] or "" for key in ("first_id", "last_id") if key in page}
    return {**page, **ids, "data": [strict_form(each) for each in _list(page.get("data"))]}


def _eval(found: JsonObject) -> JsonObject:
    config = _object(found.get("data_source_config"))
    if isinstance(metadata := config.get("metadata"), dict):
        config = {**config, "metadata": {key: _text(value) for key, value in metadata.items()}}
    criteria = _list(found.get("testing_criteria"))
    return {
        **found,
        "data_source_config": config,
        "testing_criteria": [_criterion(_object(each)) for each in criteria],
    }


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _criterion(criterion: JsonObject) -> JsonObject:
    strict = _without_nulls(criterion)
    if isinstance(messages := strict.get("input"), list):
        strict["input"] = _messages(messages)
    if isinstance(params := strict.get("sampling_params"), dict):
        strict["sampling_params"] = _without_nulls(params)
    if isinstance(graders := strict.get("graders"), dict):
        strict["graders"] = {key: _criterion(_object(each)) for key, each in graders.items()}
    return strict


def _messages(messages: list[JsonValue]) -> list[JsonValue]:
    return [
        {**message, "role": "user"}
        if isinstance(message, dict) and message.get("role") not in ROLES
        else message
        for message in messages
    ]


def _run(run: JsonObject) -> JsonObject:
    return {
        **run,
        "model": run.get("model") or "",
        "per_model_usage": run.get("per_model_usage") or [],
        "per_testing_criteria_results": run.get("per_testing_criteria_results") or [],
        "data_source": _data_source(_object(run.get("data_source"))),
        "error": run.get("error") or _no_error(),
    }


def _no_error() -> JsonObject:
    return {"code": "", "message": ""}


def _data_source(source: JsonObject) -> JsonObject:
    strict = _without_nulls(source)
    if isinstance(params := strict.get("sampling_params"), dict):
        strict["sampling_params"] = _without_nulls(params)
    messages = _object(strict.get("input_messages"))
    if "template" in messages:
        strict["input_messages"] = {**messages, "template": _messages(_list(messages["template"]))}
    return strict


def _output_item(item: JsonObject) -> JsonObject:
    sample = _object(item.get("sample"))
    numbers = {
        key: 0
        for key in ("seed", "max_completions_tokens", "max_completion_tokens")
        if sample.get(key) is None
    }
    strict: JsonObject = {**sample, "error": sample.get("error") or _no_error(), **numbers}
    if isinstance(messages := sample.get("input"), list):  # a row may hold any value as a role
        strict["input"] = [
            {**message, "role": _text(message.get("role"))}
            for message in messages
            if isinstance(message, dict)
        ]
    return {**item, "sample": strict}


def _graded(answer: JsonObject) -> JsonObject:
    metadata = _object(answer.get("metadata"))
    tokens = _object(metadata.get("token_usage")).get("total_tokens")
    return {**answer, "metadata": {**metadata, "token_usage": tokens}}


def _validated(answer: JsonObject) -> JsonObject:
    grader = _criterion(_object(answer.get("grader")))
    if isinstance(parts := grader.get("graders"), dict) and len(parts) == 1:
        ((key, only),) = parts.items()
        # The schema of `multi` has one grader and no map; its formula calls it by its name.
        grader["graders"] = {**_object(only), "name": key}
    return {"grader": grader}


def _file(file: JsonObject) -> JsonObject:
    strict = _without_nulls(file)
    return {**strict, "purpose": STRICT_PURPOSE} if strict.get("purpose") == "evals" else strict


def _without_nulls(keys: JsonObject) -> JsonObject:
    """Leave out the keys that are null: in these objects a key may be absent, and never null."""
    return {key: value for key, value in keys.items() if value is not None}


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


_FORMS: Final[dict[str, Callable[[JsonObject], JsonObject]]] = {
    "list": _page,
    "eval": _eval,
    "eval.run": _run,
    "eval.run.output_item": _output_item,
    "file": _file,
    "grader run": _graded,
    "grader": _validated,
}
