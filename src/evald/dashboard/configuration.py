"""What a run was asked to do: its data, its model, its prompt, its graders, and how to repeat it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from evald.contract.json_types import JsonObject, JsonValue
from evald.dashboard.reading import ApiObject, list_of, object_of, text_of
from evald.dashboard.snippets import (
    Snippets,
    created_again,
    fetched_and_created_again,
    is_short,
    regraded_again,
)
from evald.dashboard.texts import Text, as_json, as_line, clip, content_text

JSON_LIMIT: Final = 20_000

_NAME_LIMIT = 200
_VALUE_LIMIT = 2_000
_TEXT_LIMIT = 8_000
_LONG_LINE = 80
_MOST = 50
_HEADINGS: Final = ("id", "name", "type")


@dataclass(frozen=True)
class Parameter:
    """A setting by the name that the API has for it. `is_block` says that it has lines of its own."""

    name: str
    value: Text
    is_block: bool = False


@dataclass(frozen=True)
class TemplateMessage:
    """A message before a row has filled it in."""

    role: str
    text: Text


@dataclass(frozen=True)
class GraderSettings:
    """A testing criterion, or a part of one, with everything that it was given."""

    name: str
    type: str
    parameters: tuple[Parameter, ...]
    messages: tuple[TemplateMessage, ...]
    parts: tuple["GraderSettings", ...]


@dataclass(frozen=True)
class Configuration:
    """The configuration of a run. `repeat` is None where there is nothing to repeat it from.

    `rows_are_fetched` says that the programs ask the server for the rows, which are too many to stand
    there.
    """

    source: tuple[Parameter, ...]
    sampling: tuple[Parameter, ...]
    messages: tuple[TemplateMessage, ...]
    graders: tuple[GraderSettings, ...]
    hidden_graders: int
    metadata: tuple[Parameter, ...]
    raw: Text
    repeat: Snippets | None
    rows_are_fetched: bool


def configuration_of(
    eval_object: ApiObject,
    run: ApiObject,
    *,
    base_url: str,
    rows: JsonValue = None,
    is_shared: bool = False,
) -> Configuration:
    """Give the configuration of a run.

    `base_url` is that of the API, as clients know it. `rows` are those that came with the request, where
    they are few and known; a run that has others is asked for by the programs that repeat it. By a share
    link (`is_shared`) nothing is told of a run whose samples it grades, so there are no such programs.
    """
    data_source = object_of(run.get("data_source"))
    graders = list_of(eval_object.get("testing_criteria"))
    is_told = bool(data_source) and not (is_shared and _regraded(run))
    body = _body(run, data_source, rows)
    is_whole = body is not None and is_short(body)
    return Configuration(
        source=_source(data_source),
        sampling=_parameters(object_of(data_source.get("sampling_params"))),
        messages=_messages(object_of(data_source.get("input_messages")).get("template")),
        graders=tuple(_grader(object_of(grader)) for grader in graders[:_MOST]),
        hidden_graders=max(0, len(graders) - _MOST),
        metadata=_parameters(object_of(run.get("metadata"))),
        raw=as_json(_raw(eval_object, data_source), JSON_LIMIT),
        repeat=_repeat(run, body if is_whole else None, base_url) if is_told else None,
        rows_are_fetched=not is_whole,
    )


def _regraded(run: ApiObject) -> ApiObject:
    """Give the ids of the run whose samples are graded; nothing where it has its own."""
    return object_of(object_of(run.get("evald")).get("regrade_of"))


def _repeat(run: ApiObject, body: JsonObject | None, base_url: str) -> Snippets:
    eval_id, run_id = text_of(run.get("eval_id")), text_of(run.get("id"))
    if regraded := _regraded(run):
        again: JsonObject = {
            "eval_id": eval_id,
            "name": run.get("name"),
            "metadata": run.get("metadata"),
        }
        place = text_of(regraded.get("eval_id")), text_of(regraded.get("run_id"))
        return regraded_again(base_url, *place, again)
    if body is None:
        return fetched_and_created_again(base_url, eval_id, run_id)
    return created_again(base_url, eval_id, body)


def _body(run: ApiObject, data_source: ApiObject, rows: JsonValue) -> JsonObject | None:
    """Give the request that makes such a run, or None where its rows are not known here."""
    if _regraded(run):
        return {}
    source = object_of(data_source.get("source"))
    if source.get("type") == "file_content":
        if not isinstance(rows, list) or not rows:
            return None
        source = {**source, "content": rows}
    # The rows come last: before them stands what a reader wants to see, or to change.
    given = {name: value for name, value in _given(data_source).items() if name != "source"}
    given["source"] = _given(source)
    return {"name": run.get("name"), "metadata": run.get("metadata"), "data_source": given}


def _given(settings: ApiObject) -> JsonObject:
    return {name: value for name, value in settings.items() if value is not None}


def _source(data_source: ApiObject) -> tuple[Parameter, ...]:
    """Say what kind of run it was, where its rows came from, and which model was asked."""
    source = object_of(data_source.get("source"))
    messages = object_of(data_source.get("input_messages"))
    said: dict[str, JsonValue] = {
        "type": data_source.get("type"),
        "model": data_source.get("model"),
        **{f"source.{key}": value for key, value in source.items() if key != "content"},
        "item_reference": messages.get("item_reference"),
    }
    return _parameters(said)


def _grader(grader: ApiObject) -> GraderSettings:
    parts = grader.get("graders")
    named = parts.items() if isinstance(parts, Mapping) else ()
    messages = grader.get("input")
    others = {key: value for key, value in grader.items() if key not in (*_HEADINGS, "graders")}
    if isinstance(messages, list):
        del others["input"]
    return GraderSettings(
        name=clip(text_of(grader.get("name")), _NAME_LIMIT).shown,
        type=clip(text_of(grader.get("type")), _NAME_LIMIT).shown,
        parameters=_parameters(others),
        messages=_messages(messages),
        parts=tuple(_grader({"name": key, **object_of(part)}) for key, part in list(named)[:_MOST]),
    )


def _messages(template: JsonValue) -> tuple[TemplateMessage, ...]:
    messages = [object_of(message) for message in list_of(template)]
    return tuple(
        TemplateMessage(
            clip(text_of(message.get("role")), _NAME_LIMIT).shown,
            clip(content_text(message.get("content")), _TEXT_LIMIT),
        )
        for message in messages[:_MOST]
    )


def _parameters(settings: ApiObject) -> tuple[Parameter, ...]:
    given = [(name, value) for name, value in settings.items() if value not in (None, "", [], {})]
    return tuple(_parameter(name, value) for name, value in given[:_MOST])


def _parameter(name: str, value: JsonValue) -> Parameter:
    shown = clip(name, _NAME_LIMIT).shown
    if isinstance(value, str) and "\n" in value:
        return Parameter(shown, clip(value, _TEXT_LIMIT), is_block=True)
    line = as_line(value, _VALUE_LIMIT)
    if isinstance(value, dict | list) and len(line.shown) > _LONG_LINE:
        return Parameter(shown, as_json(value, _TEXT_LIMIT), is_block=True)
    return Parameter(shown, line)


def _raw(eval_object: ApiObject, data_source: ApiObject) -> dict[str, JsonValue]:
    """Give what the run was asked to do, without the rows that came with the request."""
    whole, source = dict(data_source), dict(object_of(data_source.get("source")))
    if rows := list_of(source.get("content")):
        source["content"] = f"({len(rows)} rows)"
        whole["source"] = source
    return {"data_source": whole, "testing_criteria": eval_object.get("testing_criteria")}
