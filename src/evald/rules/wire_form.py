"""Evals, runs and output items as the API sends them, out of what the Python SDK dumps of them.

`model_dump()` names two keys otherwise than the API, and writes null for every key that was not sent.
What the API itself sent comes out as it went in.
"""

from collections.abc import Callable
from typing import TypeAlias

from evald.contract.json_types import JsonObject, JsonValue

_Change: TypeAlias = Callable[[JsonObject], JsonObject]


def wire_form(dumped: JsonObject) -> JsonObject:
    """Give an eval, a run or an output item with the keys that the API gives it.

    Whatever has another type than it should is left as it is.
    """
    match dumped.get("object"):
        case "eval":
            return _eval(dumped)
        case "eval.run":
            return _run(dumped)
        case "eval.run.output_item":
            return _changed(dumped, "results", _result)
    return dumped


def _eval(found: JsonObject) -> JsonObject:
    config = found.get("data_source_config")
    is_dump = isinstance(config, dict) and "schema_" in config
    criterion = _dumped_criterion if is_dump else _criterion
    with_config: JsonObject = {**found, "data_source_config": _with_schema(config)}
    return _changed(
        with_config if "data_source_config" in found else found, "testing_criteria", criterion
    )


def _criterion(criterion: JsonObject) -> JsonObject:
    parts = criterion.get("graders")
    if isinstance(parts, dict) and "type" not in parts:
        graders: JsonObject = {key: _on_object(part, _judge) for key, part in parts.items()}
        return {**criterion, "graders": graders}
    return _judge(_changed(criterion, "graders", _judge))


def _dumped_criterion(criterion: JsonObject) -> JsonObject:
    given = _without_nulls(criterion)
    params = given.get("sampling_params")
    if isinstance(params, dict):
        given["sampling_params"] = _without_nulls(params)
    return _criterion(given)


def _judge(grader: JsonObject) -> JsonObject:
    return _changed(grader, "input", _message)


def _run(run: JsonObject) -> JsonObject:
    shown = _changed(run, "per_model_usage", _usage)
    source = shown.get("data_source")
    return {**shown, "data_source": _data_source(source)} if isinstance(source, dict) else shown


def _usage(usage: JsonObject) -> JsonObject:
    return _renamed(usage, "run_model_name", "model_name")


def _data_source(source: JsonObject) -> JsonObject:
    shown = dict(source)
    if isinstance(messages := source.get("input_messages"), dict):
        shown["input_messages"] = _changed(messages, "template", _message)
    if isinstance(params := source.get("sampling_params"), dict):
        form = _on_object(params.get("response_format"), _json_schema)
        text = _on_object(params.get("text"), _format)
        named = {"response_format": form, "text": text}
        shown["sampling_params"] = {key: named.get(key, params[key]) for key in params}
    return shown


def _json_schema(form: JsonObject) -> JsonObject:
    schema = form.get("json_schema")
    return {**form, "json_schema": _with_schema(schema)} if isinstance(schema, dict) else form


def _format(text: JsonObject) -> JsonObject:
    form = text.get("format")
    return {**text, "format": _with_schema(form)} if isinstance(form, dict) else text


def _message(message: JsonObject) -> JsonObject:
    """Give a message of a template without the nulls of its content, which say nothing."""
    content = message.get("content")
    if isinstance(content, dict):
        return {**message, "content": _without_nulls(content)}
    return _changed(message, "content", _without_nulls)


def _result(result: JsonObject) -> JsonObject:
    if "type" in result and result["type"] is None:
        return {key: value for key, value in result.items() if key != "type"}
    return result


def _with_schema(config: JsonValue) -> JsonValue:
    return _renamed(config, "schema_", "schema") if isinstance(config, dict) else config


def _renamed(value: JsonObject, name: str, wire_name: str) -> JsonObject:
    if name not in value or wire_name in value:
        return value
    return {wire_name if key == name else key: inner for key, inner in value.items()}


def _changed(value: JsonObject, key: str, change: _Change) -> JsonObject:
    """Give the object with each object of a list in it changed."""
    found = value.get(key)
    if not isinstance(found, list):
        return value
    return {**value, key: [_on_object(each, change) for each in found]}


def _on_object(value: JsonValue, change: _Change) -> JsonValue:
    return change(value) if isinstance(value, dict) else value


def _without_nulls(value: JsonObject) -> JsonObject:
    return {key: inner for key, inner in value.items() if inner is not None}
